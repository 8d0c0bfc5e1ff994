package web

import (
	"errors"

	"tnreserve/store/tel"
	"tnreserve/views/texts"
)

// t is a text in the reader's language.
func (v *visit) t(english string, args ...any) string {
	return texts.T(v.r.Context(), english, args...)
}

// say is a refusal in the reader's language.
func (v *visit) say(e *tel.Error) string { return texts.Refusal(v.r.Context(), e) }

// fault is say for an error that is a refusal.
func (v *visit) fault(err error) string {
	if e, ok := errors.AsType[*tel.Error](err); ok {
		return v.say(e)
	}
	return err.Error()
}

// speak has everything from here on said in a language: the one that somebody chose, or
// else the one that suits their browser best.
func (v *visit) speak(chosen string) {
	if !texts.Known(chosen) {
		chosen = texts.Asked(v.r)
	}
	v.r = v.r.WithContext(texts.In(v.r.Context(), chosen))
}

// chosenLanguage is that of who is signed in, "" none.
func (v *visit) chosenLanguage() string {
	if v.session == nil {
		return ""
	}
	return v.session.Person.Language
}
