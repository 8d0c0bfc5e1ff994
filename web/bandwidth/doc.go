// Package bandwidth is the Bandwidth-compatible XML door: what Bandwidth's Numbers
// ("Dashboard", "IRIS") API puts on the wire around search, reserve, report, cancel and
// order. Bandwidth's own clients, given our address and a credential, work unmodified;
// npm_test.go runs one of them, and testdata has the wire byte for byte.
//
// It is served under /api, /api/v1, /api/v1.0, /v1.0 and /api/v2, beside the dashboard
// and knowing nothing of its cookies and pages. It never redirects. TNs have ten
// digits, under /api/v2 the form +1…; both are read everywhere.
//
// # Departures from Bandwidth's documents
//
// Who asks:
//
//   - A token comes from POST {prefix}/oauth2/token with Basic, or with client_id and
//     client_secret in the form (RFC 6749, 2.3.1). Its refusals are OAuth's own, in JSON.
//   - 401 and a request from another site are <ErrorResponse> with 1001 "Access denied":
//     the documents do not say.
//   - Another account's path answers as one that does not exist: 404 with no code, and
//     4014 for a search. Bandwidth tells the two apart, and by that what exists.
//   - A client is an admin or a member. A member reads, cancels and orders by a
//     reservation's id, searches and reserves; lists and look-ups by TN are 403 1001.
//     Bandwidth's roles are finer and are not modelled.
//   - Writes with a body need Content-Type: application/xml in UTF-8, or 415; a browser
//     that is made to send Basic credentials cannot send it from another site.
//
// Codes:
//
//   - Where no document has a code, the HTTP status is the code: 400, 409, 500, 503.
//   - The statuses of 5040 and 5042 to 5047 are ours, as the contract has them.
//   - 5040 (unknown TN) is for those who may see the inventory; to all others it would
//     tell what is in it, and they get 5041.
//   - 5041 also stands for a TN of the own account's hold, and for one in its cool-down.
//     5046 also stands for the account's caps.
//   - A reservation that ended or ran out answers GET with 404 5042, for the wire has no
//     word for how it ended, and DELETE with 400 5047.
//   - 5043 (by TN) names the TN, as there is no reservation to name.
//   - Two of areaCode, npaNxx and npaNxxx together are 4002; a quantity, page, size or
//     flag that is none is 1006; orderBy with an unknown value is 4020, without one of
//     the parameters that it needs 4021; a local vanity that is none is 4010.
//   - availableNpaNxx has envelope (b) and cities and rateCenters have envelope (d), each
//     in the root of its own answer. Errors of a list are in the list's root.
//   - 5005 is on each TN that an order could not have, whyever: held, sold, aging,
//     disabled or unknown.
//
// Reservations:
//
//   - Id stands beside ReservationId: no document has it, and Bandwidth's npm client
//     deletes ".../tnreservation/undefined" without it.
//   - Create honours Idempotency-Key for a day. Without the header a repeated POST is
//     5041, as with Bandwidth: a retry and a second worker with the same credential
//     look alike, and two workers must not both think that a TN is theirs. To who made
//     the hold, and to admins, the 5041 has the hold's address in Location, so that an
//     answer that was lost is found again.
//   - A reservation of several TNs, which only the dashboard and other doors make, has
//     one ReservedTn for each.
//   - The list has no pages on this wire. It shows the 10,000 oldest; Count is of all.
//   - PUT of an account reads ReservationAllowed and nothing else. Live holds run to
//     their expiry, since the wire does not ask what is to become of them.
//   - The feature RESERVATION is of the one product, "Origination".
//
// Search:
//
//   - zip is 4007 always: this inventory knows no zip codes, and to pass the parameter
//     over would answer another question.
//   - LCA is read and does nothing: local calling areas are not in the inventory.
//     protected=ONLY finds nothing, as no TN here is a protected one.
//   - A vanity is looked for in the last seven digits, 3 to 7 characters, of which 3 at
//     most are * or _ (any one digit). In a search-and-order one of fewer than seven
//     characters may begin in the area code too.
//   - Without orderBy the TNs are spread and not sorted, so that two who search for the
//     same are not shown the same TN first. Each value of orderBy sorts by the whole
//     number.
//   - availableNpaNxx: quantity is how many exchanges are listed at most.
//   - A city has no RcAbbreviation, a rate center's Abbreviation is its Name.
//   - Tier is left out where it is a word, and VendorId always: clients read numbers.
//   - A known state, place or LATA without TNs finds none; that a name is of no place at
//     all is not known here.
//
// TNs:
//
//   - A TN of another account, sold or held, and one that was never seen are the same
//     404. tns lists Inservice and Aging; what is available is for the search to say.
//
// Orders:
//
//   - An order is judged in the change that receives it. The answer says RECEIVED as
//     Bandwidth's does, and a GET has the final state at once; PROCESSING never occurs.
//   - A customer order id is for one order: the same content again answers the first
//     one, other content is 409. Bandwidth lets it repeat. Idempotency-Key does the same
//     for a day.
//   - A wrong, expired or foreign reservation id, one that is no UUID too, is judged and
//     not refused: the order fails, with 5005.
//   - PartialAllowed is true by default, as Bandwidth does and against one of its tables.
//     A search-and-order needs a Quantity: the documents' default would buy 5,000.
//   - Only a search-and-order is back-ordered: a TN that is held or sold may never come.
//     One without PartialAllowed waits until all are free at once, and younger orders
//     may be filled before it: to keep TNs back for it would let one order that can
//     never be filled lock up an area for everybody.
//   - SiteId and PeerId may be missing, and one that is not known here is kept and
//     echoed: customers come with the ids that they have.
//   - The echo of a GET has the TNs sorted, and a vanity as the digits that were sought.
//     EnableLCA, EnableTNDetail, TnAttributes and what else is not known is left out.
//   - History has the states only. A note is by the client that sent it; its UserId is
//     not believed. Idempotency-Key is honoured. TotalCount counts up to a million.
//     totals is one count.
//   - page of a list of orders is 1, or what the next link has.
//   - A disconnect answers like an order, under /disconnects. It has history in none of
//     the paths, and notes as an order has.
//   - PUT answers the order as it is now, without the list of its failures: the npm
//     client would take that for a failure of the PUT.
//
// Sites, peers, subscriptions:
//
//   - Every account has site 1, and every site peer 1, from the beginning. Ids count
//     within the account, or the site. This product routes no calls: of a site and a
//     peer it keeps name and description, and neither is changed nor deleted here.
//   - A subscription is kept, and what it asks for is not sent yet. A callback's
//     credentials are not read: nothing is kept that could be stolen before it is used.
//     OrderType is orders or disconnects; subscriptions are for admins.
//
// Reading:
//
//   - A body is at most 256 KiB, 20,000 tokens, 32 deep and 32 attributes an element; one
//     root; UTF-8; no DOCTYPE and no processing instruction but the declaration. Unknown
//     elements and all attributes are passed over, of repeated ones the last counts.
//   - Names of parameters and segments of paths match in any case, names of elements as
//     documented. Too many requests are 429 without a body.
package bandwidth
