package store

import (
	"sync"
	"time"

	"tnreserve/store/tel"
)

// Topic is a kind of news for open pages. News carry no data: a page asks again and
// is answered by its own rights.
type Topic uint8

// The topics.
const (
	TopicReservations Topic = 1 << iota // of an account that the listener sees
	TopicShelf                          // what is free changed
	TopicAccount                        // an account's switch, lock, policy, clients or people
	TopicInventory                      // blocks were imported
	TopicOrders                         // orders and TNs in service of an account that the listener sees
)

const everyTopic = TopicReservations | TopicShelf | TopicAccount | TopicInventory | TopicOrders

// Topics are the names of the topics, as open pages know them.
var Topics = map[Topic]string{TopicReservations: "reservations", TopicShelf: "shelf", TopicAccount: "account", TopicInventory: "import", TopicOrders: "orders"}

// Listener hears about changes. Take empties what it has heard; Wake tells that
// there is something to take.
type Listener struct {
	Wake  chan struct{}
	actor tel.Actor
	hub   *hub
	mu    sync.Mutex
	heard Topic
}

// Take answers the topics heard since the last Take.
func (l *Listener) Take() Topic {
	l.mu.Lock()
	defer l.mu.Unlock()
	heard := l.heard
	l.heard = 0
	return heard
}

// Close ends the listening.
func (l *Listener) Close() {
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	delete(l.hub.listeners, l)
}

func (l *Listener) tell(topics Topic) {
	l.mu.Lock()
	l.heard |= topics
	l.mu.Unlock()
	select {
	case l.Wake <- struct{}{}:
	default:
	}
}

// Listen starts to collect news for an actor. It has already heard what happened since
// an instant, so that a page misses nothing between its making and its listening; of
// what happened before this process began it hears everything.
func (s *Store) Listen(actor tel.Actor, since time.Time) *Listener {
	l := &Listener{Wake: make(chan struct{}, 1), actor: actor, hub: s.hub}
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	s.hub.listeners[l] = struct{}{}
	if missed := s.hub.heardBy(actor, since); missed != 0 {
		l.tell(missed)
	}
	return l
}

// hub spreads news, and keeps when the latest of each kind came.
type hub struct {
	mu        sync.Mutex
	now       func() time.Time
	began     time.Time
	listeners map[*Listener]struct{}
	open      latest
	own       map[tel.AccountID]latest
	ofAny     latest // of own, whichever the account
}

// latest is when the last news of each topic came.
type latest map[Topic]time.Time

func (l latest) since(t time.Time) (topics Topic) {
	for topic, at := range l {
		if at.After(t) {
			topics |= topic
		}
	}
	return topics
}

func newHub(now func() time.Time) *hub {
	return &hub{now: now, began: now(), listeners: map[*Listener]struct{}{}, open: latest{}, own: map[tel.AccountID]latest{}, ofAny: latest{}}
}

// heardBy are the topics that an actor would have heard since an instant.
func (h *hub) heardBy(actor tel.Actor, since time.Time) Topic {
	switch {
	case since.Before(h.began):
		return everyTopic
	case actor.Sees(0): // no account, so: all of them
		return h.open.since(since) | h.ofAny.since(since)
	case actor.Sees(actor.Account):
		return h.open.since(since) | h.own[actor.Account].since(since)
	}
	return h.open.since(since)
}

// note keeps when an event's news came.
func (h *hub) note(e *tel.Event, open, own Topic) {
	at := h.now()
	if open != 0 {
		h.open[open] = at
	}
	if own != 0 {
		if h.own[e.Account] == nil {
			h.own[e.Account] = latest{}
		}
		h.own[e.Account][own], h.ofAny[own] = at, at
	}
}

// tell spreads the news of one event: the shelf's to all, an account's to those who
// see the account.
func (h *hub) tell(e *tel.Event) {
	open, own := topicsOf(e.Kind)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.note(e, open, own)
	for l := range h.listeners {
		topics := open
		if l.actor.Sees(e.Account) {
			topics |= own
		}
		if topics != 0 {
			l.tell(topics)
		}
	}
}

// topicsOf splits an event's news into those for everybody and those for people who
// see its account.
func topicsOf(k tel.EventKind) (open, own Topic) {
	switch k {
	case tel.EventReserved, tel.EventDropped, tel.EventCancelled, tel.EventExpired:
		return TopicShelf, TopicReservations
	case tel.EventOrdered, tel.EventPartOrdered:
		return 0, TopicReservations
	case tel.EventInService, tel.EventAged:
		return TopicShelf, TopicOrders
	case tel.EventDisconnected, tel.EventOrderPlaced, tel.EventOrderCompleted, tel.EventOrderPartial, tel.EventOrderFailed,
		tel.EventOrderWaits, tel.EventOrderUpdated, tel.EventOrderNoted:
		return 0, TopicOrders
	case tel.EventExtended, tel.EventSubmitted, tel.EventResumed, tel.EventLinkMade, tel.EventLinkRevoked,
		tel.EventToPayment, tel.EventFromPayment, tel.EventPaidInVain:
		return 0, TopicReservations
	case tel.EventDisabled, tel.EventEnabled:
		return TopicShelf, 0
	case tel.EventImported:
		return TopicShelf, TopicInventory
	case tel.EventSwitched, tel.EventLocked, tel.EventPolicy, tel.EventSelling, tel.EventAccountCreated,
		tel.EventClientCreated, tel.EventClientRevoked, tel.EventClientRotated,
		tel.EventEndpointCreated, tel.EventEndpointChanged, tel.EventEndpointPaused, tel.EventEndpointResumed, tel.EventEndpointDeleted, tel.EventEndpointRotated,
		tel.EventInvited, tel.EventUninvited, tel.EventJoined, tel.EventRoleChanged, tel.EventDeactivated, tel.EventReactivated, tel.EventFactorRequired:
		return 0, TopicAccount
	}
	return 0, 0
}
