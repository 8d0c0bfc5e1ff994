package tel

import (
	"errors"
	"fmt"
	"time"
)

// Code is the one vocabulary of refusals. Each door keeps one table from Code to
// its own status and vendor code, and a test asks each table for every Code.
type Code string

const (
	// CodeInvalid: the input itself is wrong; Error.Field names which.
	CodeInvalid Code = "invalid"
	// CodeNotFound: unknown, or another account's. The two are never told apart.
	CodeNotFound Code = "not_found"
	// CodeNotAvailable: the TN is held, in service, aging, disabled or unknown.
	// One answer for all of them: it must not tell who holds it.
	CodeNotAvailable Code = "not_available"
	// CodeHeldByYou: the TN is already in a live reservation of the same account.
	CodeHeldByYou Code = "held_by_you"
	// CodeForbidden: the role does not allow it.
	CodeForbidden Code = "forbidden"
	// CodeReservationsOff: reservation is switched off for the account.
	CodeReservationsOff Code = "reservations_off"
	// CodeSwitchLocked: an operator locked the account's switch.
	CodeSwitchLocked Code = "switch_locked"
	// CodeRanOut: the hold expired; Error.At says when.
	CodeRanOut Code = "ran_out"
	// CodeEnded: the reservation was ordered or cancelled before.
	CodeEnded Code = "ended"
	// CodeNoExtensionsLeft: the account's number of extensions is used up.
	CodeNoExtensionsLeft Code = "no_extensions_left"
	// CodeAtLimit: the reservation already runs to its ceiling.
	CodeAtLimit Code = "at_limit"
	// CodeTooManyHeld: the account would hold more TNs at once than its cap.
	CodeTooManyHeld Code = "too_many_held"
	// CodeTooManyTNs: more TNs in one reservation than the account's cap.
	CodeTooManyTNs Code = "too_many_tns"
	// CodeCoolingDown: the same account held this TN a moment ago; Error.At says
	// when it may take it again.
	CodeCoolingDown Code = "cooling_down"
	// CodeConflict: the same idempotency key came with different content, or a
	// unique name is taken.
	CodeConflict Code = "conflict"
	// CodeSignIn: no such person, wrong password, or a link that is used or over.
	CodeSignIn Code = "sign_in"
	// CodeSlowDown: too many attempts; Error.At says when to come back.
	CodeSlowDown Code = "slow_down"
	// CodeBusy: the database is locked or full; nothing was done, repeat later.
	CodeBusy Code = "busy"
	// CodeInternal: anything foreign. Its text is logged, never shown.
	CodeInternal Code = "internal"
)

// Codes lists every Code, for the tests of the doors' tables.
func Codes() []Code {
	return []Code{
		CodeInvalid, CodeNotFound, CodeNotAvailable, CodeHeldByYou, CodeForbidden,
		CodeReservationsOff, CodeSwitchLocked, CodeRanOut, CodeEnded,
		CodeNoExtensionsLeft, CodeAtLimit, CodeTooManyHeld, CodeTooManyTNs,
		CodeCoolingDown, CodeConflict, CodeSignIn, CodeSlowDown, CodeBusy,
		CodeInternal,
	}
}

// Error is a refusal that may be shown to the person who asked.
type Error struct {
	Code    Code
	Message string    // a whole sentence, safe to show
	Field   string    // the input that is wrong, for CodeInvalid
	TN      Number    // the TN it is about, where there is one
	At      time.Time // an instant that matters: when it ran out, when to come back
	// Reservation is the one that has the TN, for CodeHeldByYou and who may know it.
	Reservation string
	// Format and Args are what Message was made of, to say it in another language; ""
	// where it was written as it is, or kept: a kept answer has lost the types of Args.
	Format string `json:"-"`
	Args   []any  `json:"-"`
}

func (e *Error) Error() string { return e.Message }

// Refuse makes an Error with a formatted message. Words among the arguments have types
// that say so (Span, Instant, State): a page says them in its reader's language too.
func Refuse(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Format: format, Args: args}
}

// Invalid makes a CodeInvalid Error for one field.
func Invalid(field, format string, args ...any) *Error {
	return &Error{Code: CodeInvalid, Field: field, Message: fmt.Sprintf(format, args...), Format: format, Args: args}
}

// About makes an Error about one TN.
func About(tn Number, code Code, format string, args ...any) *Error {
	e := Refuse(code, format, args...)
	e.TN = tn
	return e
}

// NotFound is the uniform answer for what is unknown and for what is another
// account's.
func NotFound() *Error {
	return Refuse(CodeNotFound, "There is nothing here by that name.")
}

// CodeOf gives an error's Code: CodeInternal for foreign errors, "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return CodeInternal
}
