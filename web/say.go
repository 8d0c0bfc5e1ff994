package web

import "tnreserve/views/texts"

// t is a text in the reader's language.
func (v *visit) t(english string, args ...any) string { return texts.T(v.r.Context(), english, args...) }
