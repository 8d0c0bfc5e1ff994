package web

import "net/url"

// All that is known of htmx's headers stands here.

// fragment tells whether htmx asked: it gets the main part instead of a whole page.
func (v *visit) fragment() bool { return v.r.Header.Get("HX-Request") == "true" }

// scripted tells whether htmx asked at all: going back in the history it asks for a
// whole page.
func (v *visit) scripted() bool {
	return v.fragment() || v.r.Header.Get("HX-History-Restore-Request") == "true"
}

// standsAt is the page from which htmx asks, "" when that is none of ours.
func (v *visit) standsAt() string {
	u, err := url.Parse(v.r.Header.Get("HX-Current-URL"))
	if err != nil {
		return ""
	}
	return v.localPath(u.RequestURI())
}

// byItself tells whether an open page asked on its own to stay up to date. Such a
// request does not count as somebody's use of the session.
func (v *visit) byItself() bool { return v.r.Header.Get("X-Live") == "1" || v.r.URL.Path == "/live" }

// stay makes htmx leave the page as it is; the answer's out-of-band parts find their
// places.
func (v *visit) stay() { v.w.Header().Set("HX-Reswap", "none") }

// keepAddress makes htmx leave the page's address as it is.
func (v *visit) keepAddress() { v.w.Header().Set("HX-Push-Url", "false") }

// leave makes htmx load an address as a whole new page.
func (v *visit) leave(to string) { v.w.Header().Set("HX-Redirect", to) }
