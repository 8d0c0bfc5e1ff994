package bandwidth

import (
	"cmp"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"tnreserve/store/tel"
)

// Vendor codes that more than one envelope has. Where Bandwidth's documents have no
// code for a refusal, the HTTP status is the code.
const (
	codeDenied     = 1001
	codeRequired   = 1003
	codeRange      = 1006
	codeNotUUID    = 1008
	codeNotFound   = 404
	codeConflict   = 409
	codeInternal   = 500
	codeBusy       = 503
	codeTNNotFound = 5040
	codeNotFree    = 5041
	codeNoneFor    = 5042
	codeNone       = 5043
	codeObject     = 5044
	codeParameter  = 5045
	codeNotAllowed = 5046
	codeUnreserve  = 5047
	codeCriteria   = 4010
	codeSearchOff  = 4014
	codeTNTaken    = 5005
	codeCustomerID = 5052
)

const (
	textDenied   = "Access denied"
	textNowhere  = "The resource does not exist"
	textInternal = "Something went wrong on our side; the outcome is unknown"
	textBusy     = "The service is busy; nothing was done. Try again in a moment"
	textConflict = "The same key came with different content before"
	textCriteria = "One of more required search parameters are null or empty, please refer to the api documentation"
)

// fault is a refusal in the wire's words.
type fault struct {
	status int
	code   int // 0 writes none
	text   string
	tn     tel.Number // that it is about
	number string     // the same as the client wrote it, where it is no TN
}

func (f *fault) Error() string { return f.text }

// row is one line of an envelope's table. In the text {tn}, {account} and {id} stand
// for what it is about.
type row struct {
	status, code int
	text         string
}

// kind is a family of answers: how its refusals are wrapped, and the table from the
// one vocabulary to status, code and text.
type kind struct {
	name    string
	wrap    func(c *call, f *fault) any
	invalid int // the code of a body that cannot be read
	table   map[tel.Code]row
}

func (k *kind) invalidFault() *fault {
	r := k.table[tel.CodeInvalid]
	return &fault{status: r.status, code: r.code, text: r.text}
}

// common are the lines that all tables share. SignIn and SlowDown are here for
// completeness: fail answers them before it looks.
func common(own map[tel.Code]row) map[tel.Code]row {
	table := map[tel.Code]row{
		tel.CodeForbidden:    {http.StatusForbidden, codeDenied, textDenied},
		tel.CodeSwitchLocked: {http.StatusForbidden, codeDenied, textDenied},
		tel.CodeSignIn:       {http.StatusUnauthorized, codeDenied, textDenied},
		tel.CodeSlowDown:     {http.StatusTooManyRequests, 0, ""},
		tel.CodeConflict:     {http.StatusConflict, codeConflict, textConflict},
		tel.CodeBusy:         {http.StatusServiceUnavailable, codeBusy, textBusy},
		tel.CodeInternal:     {http.StatusInternalServerError, codeInternal, textInternal},
	}
	for code, r := range own {
		table[code] = r
	}
	return table
}

const (
	textNotFree    = "Reservation failed: telephone number {tn} is not available."
	textNotAllowed = "Reservation not allowed for account {account} ."
	textUnreserve  = "Cannot unreserve telephone number {tn}."
	textTaken      = "The telephone number is unavailable for ordering"
)

var reservationTable = common(map[tel.Code]row{
	tel.CodeInvalid:          {http.StatusBadRequest, codeObject, "Reservation object is invalid."},
	tel.CodeNotFound:         {http.StatusNotFound, codeNoneFor, "Reservation {id} for account {account} not found."},
	tel.CodeNotAvailable:     {http.StatusBadRequest, codeNotFree, textNotFree},
	tel.CodeHeldByYou:        {http.StatusBadRequest, codeNotFree, textNotFree},
	tel.CodeCoolingDown:      {http.StatusBadRequest, codeNotFree, textNotFree},
	tel.CodeReservationsOff:  {http.StatusForbidden, codeNotAllowed, textNotAllowed},
	tel.CodeTooManyHeld:      {http.StatusForbidden, codeNotAllowed, textNotAllowed},
	tel.CodeTooManyTNs:       {http.StatusForbidden, codeNotAllowed, textNotAllowed},
	tel.CodeRanOut:           {http.StatusBadRequest, codeUnreserve, textUnreserve},
	tel.CodeEnded:            {http.StatusBadRequest, codeUnreserve, textUnreserve},
	tel.CodeNoExtensionsLeft: {http.StatusBadRequest, codeUnreserve, textUnreserve},
	tel.CodeAtLimit:          {http.StatusBadRequest, codeUnreserve, textUnreserve},
})

var resourceTable = common(map[tel.Code]row{
	tel.CodeInvalid:          {http.StatusBadRequest, http.StatusBadRequest, "The request is invalid"},
	tel.CodeNotFound:         {http.StatusNotFound, 0, textNowhere},
	tel.CodeNotAvailable:     {http.StatusNotFound, 0, textNowhere},
	tel.CodeHeldByYou:        {http.StatusConflict, codeConflict, "The telephone number is reserved by this account"},
	tel.CodeCoolingDown:      {http.StatusConflict, codeConflict, "The telephone number was held a moment ago"},
	tel.CodeReservationsOff:  {http.StatusForbidden, codeDenied, textDenied},
	tel.CodeTooManyHeld:      {http.StatusForbidden, codeDenied, textDenied},
	tel.CodeTooManyTNs:       {http.StatusForbidden, codeDenied, textDenied},
	tel.CodeRanOut:           {http.StatusConflict, codeConflict, "It is too late for this"},
	tel.CodeEnded:            {http.StatusConflict, codeConflict, "It is too late for this"},
	tel.CodeNoExtensionsLeft: {http.StatusConflict, codeConflict, "It is too late for this"},
	tel.CodeAtLimit:          {http.StatusConflict, codeConflict, "It is too late for this"},
})

var searchTable = common(map[tel.Code]row{
	tel.CodeInvalid:          {http.StatusBadRequest, codeCriteria, textCriteria},
	tel.CodeNotFound:         {http.StatusForbidden, codeSearchOff, textDenied},
	tel.CodeForbidden:        {http.StatusForbidden, codeSearchOff, textDenied},
	tel.CodeSwitchLocked:     {http.StatusForbidden, codeSearchOff, textDenied},
	tel.CodeNotAvailable:     {http.StatusBadRequest, codeCriteria, textCriteria},
	tel.CodeHeldByYou:        {http.StatusBadRequest, codeCriteria, textCriteria},
	tel.CodeCoolingDown:      {http.StatusBadRequest, codeCriteria, textCriteria},
	tel.CodeReservationsOff:  {http.StatusForbidden, codeSearchOff, textDenied},
	tel.CodeTooManyHeld:      {http.StatusForbidden, codeSearchOff, textDenied},
	tel.CodeTooManyTNs:       {http.StatusForbidden, codeSearchOff, textDenied},
	tel.CodeRanOut:           {http.StatusBadRequest, codeCriteria, textCriteria},
	tel.CodeEnded:            {http.StatusBadRequest, codeCriteria, textCriteria},
	tel.CodeNoExtensionsLeft: {http.StatusBadRequest, codeCriteria, textCriteria},
	tel.CodeAtLimit:          {http.StatusBadRequest, codeCriteria, textCriteria},
})

var orderTable = common(map[tel.Code]row{
	tel.CodeInvalid:          {http.StatusBadRequest, http.StatusBadRequest, "The order is invalid"},
	tel.CodeNotFound:         {http.StatusNotFound, 0, textNowhere},
	tel.CodeNotAvailable:     {http.StatusBadRequest, codeTNTaken, textTaken},
	tel.CodeHeldByYou:        {http.StatusBadRequest, codeTNTaken, textTaken},
	tel.CodeCoolingDown:      {http.StatusBadRequest, codeTNTaken, textTaken},
	tel.CodeReservationsOff:  {http.StatusForbidden, codeDenied, textDenied},
	tel.CodeTooManyHeld:      {http.StatusForbidden, codeDenied, textDenied},
	tel.CodeTooManyTNs:       {http.StatusBadRequest, codeRange, "An order has at most 5000 telephone numbers"},
	tel.CodeRanOut:           {http.StatusBadRequest, codeTNTaken, textTaken},
	tel.CodeEnded:            {http.StatusConflict, codeConflict, "The order is final"},
	tel.CodeNoExtensionsLeft: {http.StatusConflict, codeConflict, "The order is final"},
	tel.CodeAtLimit:          {http.StatusConflict, codeConflict, "The order is final"},
})

// The kinds: envelopes (a) with two tables, (b), (c) and (d).
var (
	reservationKind = kind{"reservation", wrapStatus, codeObject, reservationTable}
	resourceKind    = kind{"resource", wrapStatus, http.StatusBadRequest, resourceTable}
	searchKind      = kind{"search", wrapSearch, codeCriteria, searchTable}
	orderKind       = kind{"order", wrapOrder, http.StatusBadRequest, orderTable}
	otherKind       = kind{"other", wrapErrors, http.StatusBadRequest, resourceTable}
)

// faultOf looks an error up in the route's table.
func (c *call) faultOf(err error) *fault {
	if f, ok := errors.AsType[*fault](err); ok {
		return f
	}
	r := c.route.kind.table[tel.CodeOf(err)]
	f := &fault{status: r.status, code: r.code}
	id := ""
	if len(c.args) > 0 {
		id = c.args[len(c.args)-1]
	}
	if e, ok := errors.AsType[*tel.Error](err); ok {
		f.tn = e.TN
	}
	f.text = strings.NewReplacer("{tn}", c.tnOrNone(f.tn), "{account}", c.account.String(), "{id}", id).Replace(r.text)
	return f
}

func (c *call) tnOrNone(n tel.Number) string {
	if n == 0 {
		return ""
	}
	return c.tn(n)
}

// fail is the one funnel: an error becomes an answer here and nowhere else.
func (c *call) fail(err error) {
	if errors.Is(err, context.Canceled) && c.r.Context().Err() != nil {
		return // nobody waits for an answer
	}
	switch code := tel.CodeOf(err); {
	case code == tel.CodeSlowDown:
		c.slowDown(err)
		return
	case code == tel.CodeSignIn:
		c.challenge()
	case err == error(errNoAccount) && c.route.kind != &searchKind, c.route == &unknown && code == tel.CodeNotFound:
		c.refuse(&fault{status: http.StatusNotFound, text: textNowhere})
		return
	}
	f := c.faultOf(err)
	if _, ours := errors.AsType[*fault](err); f.status >= 500 && !ours {
		c.log.Error("request failed", "request", c.id, "route", c.route.pattern, "error", err)
	}
	if f.status == http.StatusServiceUnavailable {
		c.w.Header().Set("Retry-After", "1")
	}
	c.refuse(f)
}

// refuse writes a refusal in the route's envelope, or in the one for what does not
// exist.
func (c *call) refuse(f *fault) {
	v := any(statusEnvelope{XMLName: name("ErrorResponse"), Status: statusOf(f)})
	if f.code != 0 {
		v = c.route.kind.wrap(c, f)
	}
	if err := c.answer(f.status, v); err != nil {
		c.log.Error("the refusal failed", "request", c.id, "error", err)
	}
}

func name(local string) xml.Name { return xml.Name{Local: local} }

// wireFault is a code and its description, as three of the envelopes have it.
type wireFault struct {
	Code            int
	Description     string
	TelephoneNumber string `xml:",omitempty"`
}

// Envelope (a).
type statusEnvelope struct {
	XMLName xml.Name
	Status  wireStatus `xml:"ResponseStatus"`
}

type wireStatus struct {
	ErrorCode   string `xml:",omitempty"`
	Description string
}

func statusOf(f *fault) wireStatus {
	s := wireStatus{Description: f.text}
	if f.code != 0 {
		s.ErrorCode = strconv.Itoa(f.code)
	}
	return s
}

func wrapStatus(c *call, f *fault) any {
	return statusEnvelope{XMLName: name(c.route.root), Status: statusOf(f)}
}

// Envelope (b).
func wrapSearch(c *call, f *fault) any {
	return struct {
		XMLName xml.Name
		Error   wireFault
	}{name(c.route.root), wireFault{Code: f.code, Description: f.text}}
}

// Envelope (c).
func wrapOrder(c *call, f *fault) any {
	return struct {
		XMLName xml.Name    `xml:"OrderResponse"`
		Errors  []wireFault `xml:"ErrorList>Error"`
		Order   *wireOrder
	}{Errors: []wireFault{{f.code, f.text, cmp.Or(f.number, c.tnOrNone(f.tn))}}, Order: c.echo}
}

// Envelope (d).
func wrapErrors(c *call, f *fault) any {
	return struct {
		XMLName xml.Name
		Errors  wireFault
	}{name(c.route.root), wireFault{Code: f.code, Description: f.text}}
}

// bad is a refusal of the input with a code of its own.
func bad(code int, format string, args ...any) *fault {
	return &fault{status: http.StatusBadRequest, code: code, text: fmt.Sprintf(format, args...)}
}
