package tel

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"time"
)

// EventKind says what happened.
type EventKind string

// The kinds of event.
const (
	EventReserved        EventKind = "reservation.created"
	EventExtended        EventKind = "reservation.extended"
	EventDropped         EventKind = "reservation.dropped"
	EventCancelled       EventKind = "reservation.cancelled"
	EventExpired         EventKind = "reservation.expired"
	EventExpiring        EventKind = "reservation.expiring"     // runs out at Facts.ExpiresAt; nothing changed
	EventOrdered         EventKind = "reservation.ordered"      // all that it held; it ended
	EventPartOrdered     EventKind = "reservation.part_ordered" // some; the rest is still held
	EventSubmitted       EventKind = "reservation.submitted"    // for payment; its clock stands, until Facts.ExpiresAt at the latest
	EventResumed         EventKind = "reservation.resumed"      // its clock goes on, until Facts.ExpiresAt
	EventLinkMade        EventKind = "purchase.link_made"       // Facts.Subject is the link's id
	EventLinkRevoked     EventKind = "purchase.link_revoked"
	EventToPayment       EventKind = "purchase.to_payment"   // again: the hold's clock goes on
	EventFromPayment     EventKind = "purchase.from_payment" // without having paid; the clock went on before
	EventPaidInVain      EventKind = "purchase.paid_in_vain" // a payment was reported when what it was for could not be ordered
	EventAccountCreated  EventKind = "account.created"
	EventSwitched        EventKind = "account.switched"
	EventLocked          EventKind = "account.locked"
	EventPolicy          EventKind = "account.policy"
	EventSelling         EventKind = "account.selling"
	EventImported        EventKind = "inventory.imported"
	EventDisabled        EventKind = "tn.disabled"
	EventEnabled         EventKind = "tn.enabled"
	EventInService       EventKind = "tn.in_service"
	EventDisconnected    EventKind = "tn.disconnected" // aging until Facts.ExpiresAt
	EventAged            EventKind = "tn.aged"         // aging is over
	EventOrderPlaced     EventKind = "order.placed"
	EventOrderCompleted  EventKind = "order.completed"
	EventOrderPartial    EventKind = "order.partial"
	EventOrderFailed     EventKind = "order.failed"
	EventOrderWaits      EventKind = "order.backordered"
	EventOrderUpdated    EventKind = "order.updated" // its name or customer order id
	EventOrderNoted      EventKind = "order.noted"   // Facts.Reason is the note, Facts.Subject its id
	EventPersonCreated   EventKind = "person.created"
	EventSignedIn        EventKind = "person.signed_in"
	EventSignedOut       EventKind = "person.signed_out"
	EventRoleChanged     EventKind = "person.role_changed"
	EventPasswordChanged EventKind = "person.password_changed"
	EventInvited         EventKind = "person.invited"            // Facts.Subject is the invitation's id
	EventUninvited       EventKind = "person.invitation_revoked" // the same
	EventJoined          EventKind = "person.joined"             // by an invitation
	EventDeactivated     EventKind = "person.deactivated"        // in Event.Account, or as a whole
	EventReactivated     EventKind = "person.reactivated"
	EventUpdated         EventKind = "person.updated" // name, e-mail address or settings
	EventResetLink       EventKind = "person.reset_link"
	EventSessionsEnded   EventKind = "person.sessions_ended"
	EventFactorOn        EventKind = "person.second_factor_on"
	EventFactorOff       EventKind = "person.second_factor_off"
	EventRecoveryCodes   EventKind = "person.recovery_codes" // new ones
	EventRecoveryUsed    EventKind = "person.recovery_code_used"
	EventFactorRequired  EventKind = "account.second_factor"
	EventClientCreated   EventKind = "client.created"
	EventClientRevoked   EventKind = "client.revoked"
	EventClientRotated   EventKind = "client.rotated"
	EventLookedUp        EventKind = "desk.looked_up"    // by somebody of the platform, in an account; Facts.Reason is what was asked
	EventRestored        EventKind = "database.restored" // from a backup; Facts.Before is how many sessions it ended
)

// Event is one line of the history: who, what, when, from where, for which
// account. It is written in the same change as what it tells, and carries a hash
// over itself and the event before (SECURITY.md: tampering with history).
type Event struct {
	Seq         int64
	At          time.Time
	Kind        EventKind
	Account     AccountID // 0: none
	Reservation int64     // Reservation.Seq, 0: none
	Order       int64     // Order.Seq, 0: none; the same as Facts.Order, to be found by
	Actor       Actor
	Facts       Facts
	Hash        [sha256.Size]byte
}

// Facts is what an event tells beyond its kind. A field that does not belong to
// the kind is absent.
type Facts struct {
	TNs       []Number   `json:"tns,omitempty"`
	ExpiresAt int64      `json:"expires_at,omitempty"` // µs since 1970, UTC
	Reason    string     `json:"reason,omitempty"`
	Subject   string     `json:"subject,omitempty"` // a person's or client's id, an import's name
	Before    any        `json:"before,omitempty"`
	After     any        `json:"after,omitempty"`
	Blocks    [][2]Block `json:"blocks,omitempty"` // imported ranges, first and last
	Order     int64      `json:"order,omitempty"`  // Order.Seq that it is part of
}

// Encode is the facts as they are stored and hashed.
func (f Facts) Encode() ([]byte, error) { return json.Marshal(f) }

// ChainHash is the hash of an event whose facts are encoded, given the hash of the
// event before (zero for the first): SHA-256 over the length-prefixed fields.
func (e *Event) ChainHash(before [sha256.Size]byte, facts []byte) [sha256.Size]byte {
	buf := make([]byte, 0, 512)
	buf = append(buf, before[:]...)
	buf = binary.BigEndian.AppendUint64(buf, uint64(e.Seq))
	buf = binary.BigEndian.AppendUint64(buf, uint64(e.At.UnixMicro()))
	buf = binary.BigEndian.AppendUint64(buf, uint64(e.Account))
	buf = binary.BigEndian.AppendUint64(buf, uint64(e.Reservation))
	a := e.Actor
	for _, s := range []string{string(e.Kind), string(a.Kind), a.ID, a.Name, string(a.Role), a.Door, a.Addr, string(facts)} {
		buf = binary.BigEndian.AppendUint32(buf, uint32(len(s)))
		buf = append(buf, s...)
	}
	return sha256.Sum256(buf)
}
