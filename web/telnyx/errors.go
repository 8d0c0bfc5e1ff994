package telnyx

import (
	"context"
	"errors"
	"net/http"

	"tnreserve/store/tel"
)

// The vendor's codes that this door uses.
const (
	codePhoneNumber  = "10002"
	codeMissing      = "10004"
	codeNotFound     = "10005"
	codeInternal     = "10007"
	codeSignIn       = "10009"
	codeForbidden    = "10010"
	codeSlowDown     = "10011"
	codeMediaType    = "10014"
	codeBadRequest   = "10015"
	codeNotE164      = "10016"
	codeJSON         = "10023"
	codeType         = "10026"
	codeUnprocessed  = "10027"
	codeMethod       = "10030"
	codeFilter       = "10031"
	codeRange        = "10033"
	codeNotPermitted = "10038"
	codeNotAvailable = "85001"
	codeReserved     = "85006"
	codeTooManyHeld  = "85007"
	codeExtensions   = "85008"
)

// titles are the vendor's.
var titles = map[string]string{
	codePhoneNumber: "Invalid phone number", codeMissing: "Missing required parameter", codeNotFound: "Resource not found",
	codeInternal: "Unexpected error", codeSignIn: "Authentication failed", codeForbidden: "Authorization failed",
	codeSlowDown: "Too many requests", codeMediaType: "Unsupported Media Type", codeBadRequest: "Bad Request",
	codeNotE164: "Phone number must be in +E.164 format", codeJSON: "Invalid JSON", codeType: "Invalid parameter type",
	codeUnprocessed: "Unprocessable Entity", codeMethod: "Method not allowed", codeFilter: "Invalid request filter",
	codeRange: "Value outside of range", codeNotPermitted: "Feature not permitted",
	codeNotAvailable: "Phone numbers not available", codeReserved: "The phone number is already reserved",
	codeTooManyHeld: "Reservation limit exceeded", codeExtensions: "Reservation extension limit exceeded",
}

// wireError is one error of an answer.
type wireError struct {
	Code   string    `json:"code"`
	Title  string    `json:"title"`
	Detail string    `json:"detail"`
	Source *source   `json:"source,omitempty"`
	Meta   errorMeta `json:"meta"`
}

// source is what an error is about: a place in the body, or a parameter or header.
type source struct {
	Pointer   string `json:"pointer,omitempty"`
	Parameter string `json:"parameter,omitempty"`
}

type errorMeta struct {
	URL string `json:"url"`
}

func newError(code, detail string) wireError {
	return wireError{Code: code, Title: titles[code], Detail: detail, Meta: errorMeta{"https://developers.telnyx.com/docs/overview/errors/" + code}}
}

// fault is a refusal in the wire's words.
type fault struct {
	status int
	errors []wireError
}

func (f *fault) Error() string { return f.errors[0].Detail }

func newFault(status int, code, detail string) *fault {
	return &fault{status, []wireError{newError(code, detail)}}
}

// atPointer is a refusal of what stands at a place in the body.
func atPointer(status int, code, pointer, detail string) *fault {
	f := newFault(status, code, detail)
	f.errors[0].Source = &source{Pointer: pointer}
	return f
}

// atParameter is a refusal of a parameter of the address.
func atParameter(code, name, detail string) *fault {
	f := newFault(http.StatusBadRequest, code, detail)
	f.errors[0].Source = &source{Parameter: name}
	return f
}

// row is one line of a table: from the one vocabulary to status and vendor code. text
// takes the place of the refusal's own words, where those are not for clients.
type row struct {
	status int
	code   string
	text   string
}

type table map[tel.Code]row

const textNotFound = "There is nothing here by that name."

var reservationTable = table{
	tel.CodeInvalid:          {http.StatusUnprocessableEntity, codeUnprocessed, ""},
	tel.CodeNotFound:         {http.StatusNotFound, codeNotFound, textNotFound},
	tel.CodeNotAvailable:     {http.StatusConflict, codeReserved, ""},
	tel.CodeHeldByYou:        {http.StatusConflict, codeReserved, ""},
	tel.CodeForbidden:        {http.StatusForbidden, codeForbidden, ""},
	tel.CodeReservationsOff:  {http.StatusForbidden, codeNotPermitted, ""},
	tel.CodeSwitchLocked:     {http.StatusForbidden, codeForbidden, ""},
	tel.CodeRanOut:           {http.StatusUnprocessableEntity, codeUnprocessed, ""},
	tel.CodeEnded:            {http.StatusUnprocessableEntity, codeUnprocessed, ""},
	tel.CodeNoExtensionsLeft: {http.StatusUnprocessableEntity, codeExtensions, ""},
	tel.CodeAtLimit:          {http.StatusUnprocessableEntity, codeExtensions, ""},
	tel.CodeTooManyHeld:      {http.StatusUnprocessableEntity, codeTooManyHeld, ""},
	tel.CodeTooManyTNs:       {http.StatusUnprocessableEntity, codeRange, ""},
	tel.CodeCoolingDown:      {http.StatusConflict, codeReserved, ""},
	tel.CodeConflict:         {http.StatusConflict, codeUnprocessed, ""},
	tel.CodeSignIn:           {http.StatusUnauthorized, codeSignIn, ""},
	tel.CodeSlowDown:         {http.StatusTooManyRequests, codeSlowDown, ""},
	tel.CodeBusy:             {http.StatusServiceUnavailable, codeInternal, "The service is busy; nothing was done. Try again in a moment."},
	tel.CodeInternal:         {http.StatusInternalServerError, codeInternal, "Something went wrong on our side; the outcome is unknown. Repeating the same request is safe."},
}

var orderTable = reservationTable.with(table{
	tel.CodeNotAvailable: {http.StatusConflict, codeNotAvailable, ""},
	tel.CodeHeldByYou:    {http.StatusConflict, codeNotAvailable, ""},
	tel.CodeCoolingDown:  {http.StatusConflict, codeNotAvailable, ""},
})

// with is a table with some lines changed.
func (t table) with(own table) table {
	out := table{}
	for code, r := range t {
		out[code] = r
	}
	for code, r := range own {
		out[code] = r
	}
	return out
}

// pointers are the places in a body of what the store calls by a field.
var pointers = map[string]string{
	"tn": "/phone_numbers", "customer_reference": "/customer_reference", "connection_id": "/connection_id",
	"messaging_profile_id": "/messaging_profile_id", "billing_group_id": "/billing_group_id",
}

// faultOf looks an error up in the route's table.
func (c *call) faultOf(err error) *fault {
	if f, ok := errors.AsType[*fault](err); ok {
		return f
	}
	r := (*c.route.table)[tel.CodeOf(err)]
	e, ours := errors.AsType[*tel.Error](err)
	text := r.text
	if ours && text == "" {
		text = e.Message
	}
	f := newFault(r.status, r.code, text)
	switch {
	case !ours:
	case e.Code == tel.CodeTooManyTNs:
		f.errors[0].Source = &source{Pointer: "/phone_numbers"}
	case e.Code == tel.CodeInvalid && pointers[e.Field] != "":
		f.errors[0].Source = &source{Pointer: pointers[e.Field]}
	}
	return f
}

// fail is the one funnel: an error becomes an answer here and nowhere else.
func (c *call) fail(err error) {
	if errors.Is(err, context.Canceled) && c.r.Context().Err() != nil {
		return // nobody waits for an answer
	}
	f := c.faultOf(err)
	if _, ours := errors.AsType[*fault](err); f.status >= 500 && !ours {
		c.log.Error("request failed", "request", c.id, "route", c.route.pattern, "error", err)
	}
	switch f.status {
	case http.StatusUnauthorized:
		c.w.Header().Set("WWW-Authenticate", `Bearer realm="tnreserve"`)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		c.comeBack(err)
	}
	c.refuse(f)
}

// refuse writes a refusal. Clients repeat what is answered 409 unless they are told
// that it is final.
func (c *call) refuse(f *fault) {
	if f.status == http.StatusConflict {
		c.w.Header().Set("X-Should-Retry", "false")
	}
	if err := c.answer(f.status, struct {
		Errors []wireError `json:"errors"`
	}{f.errors}); err != nil {
		c.log.Error("the refusal failed", "request", c.id, "error", err)
	}
}
