package views

import (
	"context"
	"strconv"
	"time"

	"tnreserve/views/texts"
)

var months = [12]string{
	texts.Mark("Jan|month"), texts.Mark("Feb|month"), texts.Mark("Mar|month"), texts.Mark("Apr|month"), texts.Mark("May|month"), texts.Mark("Jun|month"),
	texts.Mark("Jul|month"), texts.Mark("Aug|month"), texts.Mark("Sep|month"), texts.Mark("Oct|month"), texts.Mark("Nov|month"), texts.Mark("Dec|month"),
}

// Day is a date in the reader's language: "2 Jan 2006".
func Day(ctx context.Context, t time.Time) string {
	return strconv.Itoa(t.Day()) + " " + texts.T(ctx, months[t.Month()-1]) + " " + strconv.Itoa(t.Year())
}
