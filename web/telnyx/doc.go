// Package telnyx is the Telnyx-compatible JSON door: what Telnyx's API v2 puts on the
// wire around number reservations, search and number orders. Telnyx's own clients,
// given our address with /v2 and a key, work unmodified; npm_test.go runs one of them,
// and testdata/requests.json has 70 requests that real clients sent.
//
// It is served under /v2, beside the dashboard and knowing nothing of its cookies and
// pages. It never redirects, and every answer is application/json. GET
// /v2/openapi.json describes it; a test holds that document against the routes and
// against every answer of every other test.
//
// # Departures from Telnyx's documents
//
// Who asks:
//
//   - The bearer is a client's key, or an OAuth 2 token that the client asked for at the
//     Bandwidth-compatible door. /v2/openapi.json and /v2/public_key need neither.
//   - A client is an admin or a member. A member creates, retrieves by id, extends,
//     releases and orders; the lists are 403 10010. It orders with holds that it made, and
//     is not told the id of a colleague's hold that it meets.
//   - What is another account's answers as what does not exist: 404 10005.
//
// Reservations:
//
//   - They last for the account's window (four hours unless it is set) and not for 30
//     minutes. Extend adds the window, up to the ceiling: then it is 422 85008. There is
//     no body.
//   - Release (DELETE number_reservations/{id}) and dropping one number (DELETE
//     number_reservations/{id}/phone_numbers/{phone_number}) are ours. Both answer the
//     reservation. The last number cannot be dropped.
//   - status tells how the attempt went: success, or partial_success when some numbers
//     could not be had. It never changes. An item is success or failure; the failed ones
//     stay in the reservation and say why. When all fail nothing is made: 409 with an
//     error 85006 for each, whyever it could not be had (held, sold, aging, disabled or
//     unknown), but that a hold of the own account is named. A reservation with status
//     failure or pending is never found.
//   - How it stands now is in state, which is ours: live, submitted, ordered, cancelled,
//     expired, for the whole and for each number. expired_at is when the hold ends or
//     ended, and null for a number that was not had.
//   - One that ended answers extend, release and drop with 422 10027, in words.
//   - Numbers stand as they were asked for in the answer of a create, otherwise sorted. A
//     number that is asked for twice is one.
//   - The list has live and ended ones, the latest first. New ones may push others to the
//     next page, which are then seen twice and never missed.
//   - An account whose reservation is off: 403 10038. Over its caps: 422 85007 for numbers
//     held at once, 422 10033 for numbers in one reservation.
//
// Search:
//
//   - Without filter[country_code] it searches the US. US and CA are told apart by the
//     place's state; other countries find nothing.
//   - filter[limit] is 1 to 250, and 100 where it is not given. There are no pages:
//     page[…] is 400 10015.
//   - Numbers are spread and not sorted, so that two who search for the same are not
//     shown the same number first; with filter[consecutive] a row stands together.
//   - filter[best_effort] fills up with numbers that match all but place and area code.
//   - filter[quickship], [reservable] and [exclude_held_numbers] leave all: every number
//     found is deliverable at once, reservable, and not held. upfront_cost is 0.
//   - Of several features a number must have all.
//
// Orders:
//
//   - All or none. An order that cannot have one of its numbers is not made: 409 85001
//     for each that cannot be had, and 422 10027 for one that no block of the inventory
//     contains. detail says whether and when a hold of the own account ran out.
//   - It is judged in the request that makes it: status is success at once. pending is
//     for orders of other doors that wait for numbers. One that got some of its numbers
//     is success, and each number tells of itself.
//   - requirement_group_id and bundle_id are passed over; no papers are asked for. Of a
//     PATCH customer_reference is read.
//   - Sub-orders: one for each type of an order's numbers; a search of another door is
//     one. Cancelling one that does not wait is 422 10027.
//   - A page of orders, or of sub-orders with their numbers, has up to 125,000 numbers. One
//     with more is 400 10015 for page[size]; 20 orders never have more.
//   - Ids of numbers in orders and reservations, and of sub-orders, are made from the
//     order's or reservation's: the first three groups are the same.
//   - In the lists of orders' numbers and of sub-orders filter[country_code] cannot tell US
//     and CA apart: US has both, and CA is 400 10031. Disconnects of other doors are in
//     none of the lists.
//
// Repeating:
//
//   - A create or an order that comes again byte for byte from the same client, within a
//     minute or with X-Stainless-Retry-Count above 0 within a day, answers what the
//     first one made: the reservation while it holds its numbers, the order as it is. An
//     order whose numbers have all left service again is made anew within that minute,
//     unless the request is marked as a retry.
//   - Idempotency-Key does so for a day; other content under it is 409 10027. A request
//     with a key is not looked at for the other two.
//   - An extend with X-Stainless-Retry-Count above 0 answers the reservation as it is if
//     the same client extended it less than 90 seconds ago, by whichever request; with
//     an Idempotency-Key it counts once in a day. Any other extends again: two are
//     always the same byte for byte, and who wants two sends it twice.
//   - Every 409 carries x-should-retry: false.
//
// Reading:
//
//   - A body is one JSON object of at most 256 KiB, 20,000 values and keys, 32 deep, in
//     UTF-8, no key twice. Unknown fields are passed over. A wrong type is 422 10026. A
//     number in E.164 that cannot be one of the North American Numbering Plan is 422
//     10002.
//   - A filter that is not known, or has a value that it cannot have, is 400 10031. Any
//     other parameter that is not known is 400 10015, and so is a page size over 250.
//   - A "+" in an address means a space; of a phone number it is understood all the same.
//   - Writes with a body need Content-Type: application/json in UTF-8, or 415 10014.
package telnyx
