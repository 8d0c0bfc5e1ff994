// Package tel holds the field's words and the rules of tnreserve: what a
// telephone number (TN) is, what a reservation means, who may do what.
//
// Everything here is pure: no SQL, no HTTP, no clock. A function that needs the
// time is given it; a function that refuses returns an *Error with a Code that
// every door translates into its own words.
package tel
