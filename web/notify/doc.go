// Package notify tells accounts' endpoints what happened: it sends the deliveries that
// the store wrote in the changes they tell of.
//
// # What is promised
//
// A delivery is sent at least once, and those about one reservation or one order to one
// endpoint in their order: each waits until the one before was delivered or given up.
// Deliveries about different things overtake each other. Every attempt has the same
// webhook-id and the same data, so that a receiver knows what it has seen; what it tells
// is what was so right after the event, however late it is sent.
//
// An answer of 2xx delivers. Anything else, and no answer within 10 s, is tried again
// after 5 s, 30 s, 2 min, 10 min, 30 min, 1 h, 2 h and then every 4 h (10 % either way),
// until a day after the first attempt. Then the endpoint is paused when nothing could be
// delivered to it all the while, and the delivery is given up when others could. 410
// pauses at once. A paused endpoint loses nothing for 30 days: what happens meanwhile
// waits with the rest, and goes out when a person resumes it.
//
// A slow endpoint delays nobody else: one that answers quickly has a few places of its
// own and any other one. Those of an account are bounded, and so are, in an account and
// together, those of the endpoints that fail or took over a second for an answer within
// the last minute.
//
// # What is sent
//
// In the JSON form the envelope and the headers telnyx-timestamp (Unix seconds) and
// telnyx-signature-ed25519 are Telnyx's: the standard base64 of the Ed25519 signature
// over "timestamp|body" by the installation's one key. meta.attempt counts from 1 and is
// all that differs between attempts. Beside them are the headers of Standard Webhooks,
// webhook-id, webhook-timestamp and webhook-signature, with the endpoint's own secret,
// and for a day after a new secret with the one before too.
//
// Telnyx has number_order.complete only. All else here is ours, and so is:
//
//   - number_order.complete is told of an order that is complete in part too: as at the
//     JSON door its status is success then, and each number has its own.
//     number_order.failed has no number. What waits for numbers (a back-order) is told
//     when it is complete. A disconnect is no number_order.
//   - number_reservation.cancelled is also told when one number is dropped, and .ordered
//     when some are ordered. The payload is the whole reservation as it then is, and
//     beyond Telnyx's fields: event_phone_numbers are those that the event is about,
//     held_phone_numbers those that are held after it (none: it is over),
//     reason is why it was cancelled, number_order_id the order that took the numbers.
//   - number_reservation.expiring comes once per expiry, as long before as the account
//     has it set, and again when it was extended, or its clock stood for a payment, which
//     moves the expiry. A hold that is made or extended to run out sooner than that is not
//     warned of: that event says when it runs out.
//   - webhook.test is what a person asks for.
//
// A delivery names at most 250 numbers in each list, so that none is larger than about
// 120 KB: phone_numbers_omitted says how many of phone_numbers are left out, counts are
// whole, and the reservation or order at the JSON door has all. In Bandwidth's XML the
// message says so.
//
// A subscription to a URL, which Bandwidth's clients make, is told in Bandwidth's XML and
// without signatures, of which that has none. There is a notification for each state that
// an order comes to: COMPLETE, PARTIAL, FAILED, BACKORDERED. Bandwidth does not repeat
// one that fails; here it is repeated like the others.
//
// # Where to
//
// The address that is really connected to is judged, after the name was resolved and at
// each connection: only global unicast ones are (see address.go), unless the server was
// started with --allow-private-webhooks. This machine's own addresses are not, nor the
// name of the server's base URL and what it resolves to: what stands behind them is this
// house, whoever asks. Redirects are not followed and no proxy is used; certificates are
// verified. Of an answer 64 KiB are read, 16 KiB of headers, and 4 KiB kept for the
// account's admins. What went wrong is told in our own words: a resolver's or a
// network's would tell of the house; a name that leads inside and one that leads nowhere
// are told alike.
package notify
