package web

// All that is known of htmx's headers stands here.

// fragment tells whether htmx asked: it gets the main part instead of a whole page.
// Going back in the history it asks for the page as a part too.
func (v *visit) fragment() bool { return v.r.Header.Get("HX-Request") == "true" }

// byItself tells whether an open page asked on its own to stay up to date. Such a
// request does not count as somebody's use of the session.
func (v *visit) byItself() bool { return v.r.Header.Get("X-Live") == "1" || v.r.URL.Path == "/live" }

// stay makes htmx leave the page and its address as they are; the answer's
// out-of-band parts find their places.
func (v *visit) stay() {
	v.w.Header().Set("HX-Reswap", "none")
	v.w.Header().Set("HX-Push-Url", "false")
}

// leave makes htmx load an address as a whole new page.
func (v *visit) leave(to string) { v.w.Header().Set("HX-Redirect", to) }
