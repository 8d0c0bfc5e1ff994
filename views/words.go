package views

import (
	"context"
	"encoding/json"
	"strings"

	"tnreserve/views/texts"
)

// scripted are the texts of static/js/app.js, which finds them in the page.
var scripted = []string{
	texts.Mark("2 minutes left for %s."), texts.Mark("30 seconds left for %s."), texts.Mark("a reservation"), texts.Mark("You can extend it."),
	texts.Mark("%s number, a month"), texts.Mark("%s numbers, a month"),
	texts.Mark("Live|connection"), texts.Mark("Reconnecting"), texts.Mark("No connection."), texts.Mark("Copied"),
	texts.Mark("The connection was lost. Whether this was done is unknown: look before you repeat it."),
	texts.Mark("There is no answer just now. Try again in a moment."), texts.Mark("%s reservations"),
	texts.Mark("Dismiss the message"),
}

// unfilled is a text with its %s as it is.
func unfilled(ctx context.Context, english string) string {
	if strings.Contains(english, "%s") {
		return texts.T(ctx, english, "%s")
	}
	return texts.T(ctx, english)
}

// scriptWords are scripted in the reader's language, as JSON; "" is English, which the
// script knows itself.
func scriptWords(ctx context.Context) string {
	if texts.Of(ctx) == texts.Languages[0] {
		return ""
	}
	words := map[string]string{}
	for _, english := range scripted {
		words[english] = unfilled(ctx, english)
	}
	data, err := json.Marshal(words)
	if err != nil {
		panic(err) // a map of texts
	}
	return string(data)
}
