package tel

import "slices"

// UploadState is how far a file is on its way into the inventory.
type UploadState string

// The states of an upload.
const (
	UploadReading   UploadState = "reading"   // it comes in; nobody sees it
	UploadPreview   UploadState = "preview"   // it waits for somebody to confirm or discard it
	UploadRunning   UploadState = "running"   // it is being written
	UploadDone      UploadState = "done"      //
	UploadFailed    UploadState = "failed"    // what was written stays, and it may run again
	UploadDiscarded UploadState = "discarded" //
)

// UploadStates lists every UploadState.
func UploadStates() []UploadState {
	return []UploadState{UploadReading, UploadPreview, UploadRunning, UploadDone, UploadFailed, UploadDiscarded}
}

// uploadMoves is the one table of what may become of an upload.
var uploadMoves = map[UploadState][]UploadState{
	UploadReading:   {UploadPreview},
	UploadPreview:   {UploadRunning, UploadDiscarded},
	UploadRunning:   {UploadDone, UploadFailed},
	UploadFailed:    {UploadRunning},
	UploadDiscarded: {UploadDiscarded}, // the button was pressed twice
}

// CanBecome tells whether an upload may move from one state to another.
func (s UploadState) CanBecome(next UploadState) bool { return slices.Contains(uploadMoves[s], next) }

// Ended tells whether an upload will never be written again.
func (s UploadState) Ended() bool { return s == UploadDone || s == UploadDiscarded }
