// Package store is the one service that all doors call, and its SQL. It knows
// nothing of HTTP or templ.
//
// Every public method takes the tel.Actor who asks and makes the check itself,
// inside the change, after the row is read. A refusal is a *tel.Error; any other
// error is foreign (its text is for the log). Answers mean what they say: nil is
// durable, a *tel.Error means that nothing was done, any other error after a change
// means that the outcome is unknown.
package store
