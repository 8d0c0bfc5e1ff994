package texts

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"tnreserve/store/tel"
)

func TestT(t *testing.T) {
	en, es := In(context.Background(), "en"), In(context.Background(), "es")
	for _, c := range []struct {
		got, want string
	}{
		{T(en, "%d numbers", 1), "1 number"},
		{T(en, "%d numbers", 12345), "12,345 numbers"},
		{T(es, "%d numbers", 1), "1 número"},
		{T(es, "%d numbers", 12345), "12.345 números"},
		{T(es, "Nobody says this of %s", "Ada"), "Nobody says this of Ada"},
		{T(en, "Free|not held"), "Free"},
		{T(context.Background(), "100%% sure"), "100% sure"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

func TestRefusal(t *testing.T) {
	en, es := In(context.Background(), "en"), In(context.Background(), "es")
	at := time.Date(2026, 5, 1, 9, 30, 0, 0, time.UTC)
	for _, c := range []struct {
		e    *tel.Error
		want string
	}{
		{tel.NotFound(), "Aquí no hay nada con ese nombre."},
		{tel.Invalid("for", "A hold lasts at least %s.", tel.Span(90*time.Minute)), "Una retención dura al menos 1 hora 30 minutos."},
		{tel.Refuse(tel.CodeRanOut, "This hold ran out on %s; reserve again while the number is still free.", tel.Instant(at)),
			"Esta retención venció el 1 de mayo de 2026 a las 09:30:00 UTC; reserve de nuevo mientras el número siga libre."},
		{tel.Forbidden(tel.ActSeeReports), "Su rol no puede hacer esto: informes."},
		{tel.Invalid("email", "%s", tel.NotFound()), "Aquí no hay nada con ese nombre."},
		{tel.Refuse(tel.CodeConflict, "Account %s exists already.", tel.AccountID(9500012)), "La cuenta 9500012 ya existe."},
		{tel.Refuse(tel.CodeEnded, "This order is %s; it is too late to %s it.", tel.OrderComplete, tel.OrderMoveFill), "Este pedido tiene el estado «COMPLETO»; ya no se puede completar."},
		{tel.Invalid("x", "%d is known to nobody", 1), "1 is known to nobody"},
		{&tel.Error{Message: "As it is."}, "As it is."},
	} {
		if got := Refusal(es, c.e); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
		if got := Refusal(en, c.e); got != c.e.Message {
			t.Errorf("%q, want %q", got, c.e.Message)
		}
	}
	for d, want := range map[time.Duration]string{0: "nada", time.Second: "1 segundo", 25 * time.Hour: "1 día 1 hora"} {
		if got := Duration(es, d); got != want {
			t.Errorf("%q, want %q", got, want)
		}
		if got := Duration(en, d); got != tel.HumanDuration(d) {
			t.Errorf("%q, want %q", got, tel.HumanDuration(d))
		}
	}
	before, after := Split(es, "%s left|codes")
	if before != "Quedan " || after != "" {
		t.Errorf("%q, %q", before, after)
	}
	if before, after := Split(en, "%s left|codes"); before != "" || after != " left" {
		t.Errorf("%q, %q", before, after)
	}
}

// Pages are made at once.
func TestAtOnce(t *testing.T) {
	var group sync.WaitGroup
	for _, language := range []string{"en", "es", "en", "es"} {
		group.Go(func() {
			ctx := In(context.Background(), language)
			for n := range 200 {
				if got := T(ctx, "%d numbers", 1000+n); !strings.HasPrefix(got, "1") {
					t.Error(got)
				}
			}
		})
	}
	group.Wait()
}
