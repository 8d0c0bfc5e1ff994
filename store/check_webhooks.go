package store

import (
	"strings"

	"tnreserve/store/tel"
)

// endpointFate is what the events say of one endpoint that a person made.
type endpointFate struct {
	account     tel.AccountID
	url, events string
	paused      bool
}

func (h history) replayEndpoint(e *tel.Event) {
	f := h.endpoints[e.Facts.Subject]
	switch e.Kind {
	case tel.EventEndpointCreated, tel.EventEndpointChanged:
		f.account = e.Account
		f.url, f.events = endpointTold(e.Facts.After)
	case tel.EventEndpointPaused:
		f.paused = true
	case tel.EventEndpointResumed:
		f.paused = false
	case tel.EventEndpointDeleted:
		delete(h.endpoints, e.Facts.Subject)
		return
	default:
		return
	}
	h.endpoints[e.Facts.Subject] = f
}

// endpointTold are an endpoint's URL and events in an event's facts.
func endpointTold(fact any) (url, events string) {
	m, _ := fact.(map[string]any)
	url, _ = m["url"].(string)
	list, _ := m["events"].([]any)
	var names []string
	for _, name := range list {
		text, _ := name.(string)
		names = append(names, text)
	}
	return url, strings.Join(names, " ")
}

func (c *checker) compareEndpoints(told map[string]endpointFate) error {
	rows, err := c.tx.QueryContext(c.ctx, `SELECT id, account_id, url, events, paused_at IS NOT NULL FROM endpoint WHERE deleted_at IS NULL AND format = 'json'`)
	err = eachRow(rows, err, func(row scanner) error {
		var id string
		var is endpointFate
		err := row.Scan(&id, &is.account, &is.url, &is.events, &is.paused)
		if said, ok := told[id]; !ok {
			c.report("endpoint %s is not in the history", id)
		} else if said != is {
			c.report("endpoint %s of account %d is not as the history says", id, is.account)
		}
		delete(told, id)
		return err
	})
	for id, said := range told {
		if said.url != "" { // a subscription that was paused has no URL in the history
			c.report("endpoint %s is in the history, and not in the database", id)
		}
	}
	return err
}
