package store

import (
	"context"
	"maps"
	"slices"
	"time"

	"tnreserve/store/tel"
)

// How often clients ask. A read writes nothing of its own: requests are counted in
// memory and written down by housekeeping once a minute, which a killed server loses.

// usesKept is how long a client's hours are kept; the sum stays.
const usesKept = 31 * 24 * time.Hour

// count counts a request of a client.
func (m *clientMemory) count(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.uses == nil {
		m.uses = map[string]int64{}
	}
	m.uses[id]++
}

// takeUses takes what is to be written down: nothing within a minute of the last time,
// unless it is the end.
func (m *clientMemory) takeUses(now time.Time, end bool) map[string]int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.uses) == 0 || !end && now.Sub(m.written) < sessionTouch {
		return nil
	}
	uses := m.uses
	m.uses, m.written = nil, now
	return uses
}

// giveBack takes counts again that could not be written.
func (m *clientMemory) giveBack(uses map[string]int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, n := range m.uses {
		uses[id] += n
	}
	m.uses = uses
}

// writeUses writes the counts down, at most once a minute.
func (s *Store) writeUses(ctx context.Context) error {
	return s.writeUsesNow(ctx, s.clients.takeUses(s.Now(), false))
}

func (s *Store) writeUsesNow(ctx context.Context, uses map[string]int64) error {
	if len(uses) == 0 {
		return nil
	}
	err := s.change(ctx, tel.System("client"), func(t *tx) error {
		hour := micros(t.now.Truncate(time.Hour))
		for _, id := range slices.Sorted(maps.Keys(uses)) {
			if _, err := t.exec(`UPDATE client SET requests = requests + $1 WHERE id = $2`, uses[id], id); err != nil {
				return err
			}
			if _, err := t.exec(`INSERT INTO client_use (client_id, hour, requests) VALUES ($1, $2, $3)
				ON CONFLICT (client_id, hour) DO UPDATE SET requests = client_use.requests + excluded.requests`, id, hour, uses[id]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.clients.giveBack(uses)
	}
	return err
}

// fillUses adds what the last day saw, and what is not written down yet.
func (s *Store) fillUses(ctx context.Context, list []*tel.Client) error {
	if len(list) == 0 {
		return nil
	}
	days := map[string]int64{}
	rows, err := s.read.QueryContext(ctx, `SELECT u.client_id, SUM(u.requests) FROM client_use u JOIN client c ON c.id = u.client_id WHERE c.account_id = $1 AND u.hour > $2 GROUP BY u.client_id`,
		int64(list[0].Account), micros(s.Now().Add(-24*time.Hour)))
	err = eachRow(rows, err, func(row scanner) error {
		var id string
		var n int64
		err := row.Scan(&id, &n)
		days[id] = n
		return err
	})
	s.clients.mu.Lock()
	defer s.clients.mu.Unlock()
	for _, c := range list {
		c.Requests += s.clients.uses[c.ID]
		c.RequestsDay = days[c.ID] + s.clients.uses[c.ID]
	}
	return err
}
