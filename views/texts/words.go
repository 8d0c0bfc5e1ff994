package texts

import (
	"context"
	"fmt"
	"strings"
	"time"

	"tnreserve/store/tel"
)

// Refusal is an error in the reader's language. What it was made of is the key.
func Refusal(ctx context.Context, e *tel.Error) string {
	if e.Format == "" || Of(ctx) == Languages[0] {
		return e.Message
	}
	return Sentence(ctx, tel.Sentence{Format: e.Format, Args: e.Args})
}

// Sentence is a sentence in the reader's language.
func Sentence(ctx context.Context, s tel.Sentence) string {
	args := make([]any, len(s.Args))
	for i, arg := range s.Args {
		args[i] = word(ctx, arg)
	}
	return T(ctx, s.Format, args...)
}

// word says an argument of a refusal, where its type tells that it is words.
func word(ctx context.Context, arg any) any {
	switch a := arg.(type) {
	case tel.Span:
		return Duration(ctx, time.Duration(a))
	case tel.Instant:
		return Time(ctx, time.Time(a))
	case *tel.Error:
		return Refusal(ctx, a)
	case tel.Sentence:
		return Sentence(ctx, a)
	case tel.Word, tel.State, tel.Move, tel.OrderState, tel.OrderMove, tel.TNState, tel.ClientState, tel.Action, tel.Role:
		return T(ctx, fmt.Sprint(a))
	}
	return arg
}

// units of a length of time, the longest first.
var units = []struct {
	size time.Duration
	text string
}{{24 * time.Hour, Mark("%d days")}, {time.Hour, Mark("%d hours")}, {time.Minute, Mark("%d minutes")}, {time.Second, Mark("%d seconds")}}

// Duration is a length of time in words: tel.HumanDuration in the reader's language.
func Duration(ctx context.Context, d time.Duration) string {
	if d == 0 {
		return T(ctx, "none|time")
	}
	var parts []string
	for _, unit := range units {
		if n := d / unit.size; n > 0 && len(parts) < 2 {
			parts = append(parts, T(ctx, unit.text, int(n)))
			d %= unit.size
		}
	}
	if len(parts) == 0 {
		return d.String()
	}
	return strings.Join(parts, " ")
}

var months = []string{
	Mark("January"), Mark("February"), Mark("March"), Mark("April"), Mark("May|month"), Mark("June"),
	Mark("July"), Mark("August"), Mark("September"), Mark("October"), Mark("November"), Mark("December"),
}

// Month is a month's name.
func Month(ctx context.Context, m time.Month) string { return T(ctx, months[m-1]) }

// Time is an instant to the second, UTC.
func Time(ctx context.Context, t time.Time) string {
	t = t.UTC()
	return T(ctx, "%s %s %s at %s", t.Format("2"), Month(ctx, t.Month()), t.Format("2006"), t.Format("15:04:05 UTC"))
}

// Said by word: those of states, moves, roles and actions that refusals name.
var _ = []string{
	Mark("live"), Mark("submitted"), Mark("ordered"), Mark("cancelled"), Mark("expired"),
	Mark("extend"), Mark("drop"), Mark("cancel"), Mark("submit"), Mark("resume"), Mark("order"), Mark("expire"),
	Mark("complete"), Mark("complete in part"), Mark("fail"), Mark("back-order"), Mark("fill"),
	Mark("RECEIVED"), Mark("COMPLETE"), Mark("PARTIAL"), Mark("FAILED"), Mark("BACKORDERED"),
	Mark("active"), Mark("revoked"),
	Mark("available"), Mark("reserved"), Mark("in service"), Mark("aging"), Mark("disabled"),
	Mark("city"), Mark("rate center"), Mark("carrier"), // of a file's row
	Mark("operator"), Mark("admin"), Mark("support"), Mark("member"),
	Mark("switch reservation on or off"),
	Mark("lock the switch"),
	Mark("set the hold policy"),
	Mark("see the hold policy"),
	Mark("search"),
	Mark("reserve"),
	Mark("read a reservation by its id"),
	Mark("list, report, export outstanding reservations"),
	Mark("extend, drop, cancel by id"),
	Mark("read an order by its id"),
	Mark("list orders and numbers in service"),
	Mark("disconnect"),
	Mark("look up by number"),
	Mark("import inventory, disable numbers"),
	Mark("see all accounts, create one"),
	Mark("people of an account"),
	Mark("API clients of an account"),
	Mark("require a second factor of an account's people"),
	Mark("people of the whole platform"),
	Mark("make and revoke purchase links of a reservation"),
	Mark("set how an account sells to end users"),
	Mark("read who bought"),
	Mark("complete the one purchase behind a link"),
	Mark("search and hold one number in a storefront"),
	Mark("webhooks of an account"),
	Mark("reports"),
	Mark("read the audit trail"),
}
