package views

import (
	"context"
	"net/http"
	"strings"
	"time"

	"tnreserve/views/texts"
)

// Problem is a page that says why there is no other page.
type Problem struct {
	Status    int
	Message   string        // a whole sentence, safe to show; "" says the usual
	RequestID string        // shown on 5xx
	Wait      time.Duration // 429 and 503: when to come back; 0 is unknown
	Back      string        // an address inside the site to go on with; "" is home
	Outside   bool          // for end users, who have no home here
}

// title is the page's heading.
func (p Problem) title(ctx context.Context) string {
	switch p.Status {
	case http.StatusForbidden:
		return texts.T(ctx, "Not yours to do")
	case http.StatusNotFound:
		return texts.T(ctx, "Nothing here")
	case http.StatusMethodNotAllowed:
		return texts.T(ctx, "That does not work here")
	case http.StatusTooManyRequests:
		return texts.T(ctx, "A moment, please")
	case http.StatusServiceUnavailable:
		return texts.T(ctx, "Busy just now")
	}
	if p.Status >= 500 {
		return texts.T(ctx, "Something broke")
	}
	return texts.T(ctx, "That cannot be done")
}

// text is the first sentence.
func (p Problem) text(ctx context.Context) string {
	switch {
	case p.Message != "":
		return p.Message
	case p.Status == http.StatusForbidden:
		return texts.T(ctx, "Your role does not allow this.")
	case p.Status == http.StatusNotFound:
		return texts.T(ctx, "There is nothing at this address, or it is not yours to see.")
	case p.Status == http.StatusMethodNotAllowed:
		return texts.T(ctx, "This address does not take that kind of request.")
	case p.Status == http.StatusTooManyRequests:
		return texts.T(ctx, "Those were too many requests in a short time.")
	case p.Status == http.StatusServiceUnavailable:
		return texts.T(ctx, "The database is busy.")
	case p.Status >= 500:
		return texts.T(ctx, "The fault is ours, not yours.")
	}
	return texts.T(ctx, "The request was not understood.")
}

// consequence tells what became of the request: SECURITY.md, "Answers mean what
// they say".
func (p Problem) consequence(ctx context.Context) string {
	switch {
	case p.Status == http.StatusServiceUnavailable || p.Status == http.StatusTooManyRequests:
		return texts.T(ctx, "Nothing was done; it is safe to try again.")
	case p.Status >= 500:
		return texts.T(ctx, "Whether your request took effect is unknown: look before you repeat it.")
	}
	return ""
}

// Said is the problem as one message.
func (p Problem) Said(ctx context.Context) string {
	return strings.TrimSpace(p.text(ctx) + " " + p.consequence(ctx))
}

// onward is the way out; none for end users who have nowhere else to go here.
func (p Problem) onward(ctx context.Context, signedIn bool) (label, href string) {
	switch {
	case p.Back != "":
		return texts.T(ctx, "Back"), p.Back
	case p.Outside:
		return "", ""
	case signedIn:
		return texts.T(ctx, "Start page"), "/"
	}
	return texts.T(ctx, "Sign in"), "/"
}
