package web

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"tnreserve/store"
)

const (
	heartbeat    = 15 * time.Second
	recheck      = 3 * time.Second        // a session that ended closes its streams
	writeTimeout = 10 * time.Second       // per message: a reader that is gone is let go
	rest         = 400 * time.Millisecond // between two messages, however much happens
)

var noDeadline time.Time

// stream sends what a listener hears until the reader, the session or the server
// goes.
func (v *visit) stream(rc *http.ResponseController, l *store.Listener) error {
	beat, check := time.NewTicker(heartbeat), time.NewTicker(recheck)
	defer beat.Stop()
	defer check.Stop()
	n := 0
	send := func(text string) bool {
		_ = rc.SetWriteDeadline(time.Now().Add(writeTimeout)) // the connection's clock
		_, err := v.w.Write([]byte(text))
		return err == nil && rc.Flush() == nil
	}
	for alive := send(hello()); alive; {
		select {
		case <-v.r.Context().Done():
			return nil
		case <-v.draining:
			return nil
		case <-beat.C:
			alive = send(": beat\n\n")
		case <-check.C:
			alive = v.stillWho()
		case <-l.Wake:
			n++
			alive = send(messages(l.Take(), n))
			if alive {
				v.pause(rest)
			}
		}
	}
	return nil
}

// hello says when to come back after the stream broke: after a restart not all pages at
// once.
func hello() string { return fmt.Sprintf("retry: %d\n: hello\n\n", 1000+rand.IntN(2000)) }

// stillWho tells whether the session lives and is who it was.
func (v *visit) stillWho() bool {
	s, err := v.store.Session(v.r.Context(), v.token, v.remoteAddr(v.r))
	return err == nil && s.Actor == v.actor
}

// pause gathers what happens meanwhile into one message.
func (v *visit) pause(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-v.draining:
	case <-v.r.Context().Done():
	}
}

// messages are the heard topics as server-sent events.
func messages(heard store.Topic, id int) string {
	out := ""
	for topic, name := range store.Topics {
		if heard&topic != 0 {
			out += fmt.Sprintf("id: %d\nevent: %s\ndata: 1\n\n", id, name)
		}
	}
	return out
}
