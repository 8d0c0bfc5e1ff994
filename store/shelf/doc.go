// Package shelf answers from memory which TNs are free right now and match a
// query. It is advice: it may be a moment behind, and the database decides who
// gets a TN.
//
// The inventory is thousands-blocks. Each has 1,000 bits, set where a TN is free;
// what the block's TNs share (place, offer, the first seven digits) stands once
// beside them. A search narrows in three steps, each much cheaper than the next:
// exchanges by their six digits, place and area code; the blocks of an exchange by
// their seventh digit and the counts kept beside the bits; at last the bits, ANDed
// with precomputed masks for the last three digits.
//
// The shelf knows no SQL, no HTTP and no clock. A hold that ran out is free from
// the instant it was taken until, whether or not anybody says so.
package shelf
