package store

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/gob"
	"errors"
	"io"
	"time"

	"tnreserve/store/intake"
	"tnreserve/store/tel"
)

// Upload is a file on its way into the inventory through the pages. It lies in the
// database: a person's next request may reach another node, and the node that writes it
// may die.
type Upload struct {
	ID        string
	Owner     string // a person's id
	Name      string // of the file
	Bytes     int64
	Strict    bool // one refused row refuses the file
	Fictional bool // 555-0100 to 555-0199 are allowed
	State     tel.UploadState
	Report    FileReport
	Added     int // blocks that it would add, says the preview; once a run has told its end: that this run has added
	Changed   int
	Done      int // of Report.Blocks, while it runs and after
}

// FileReport is what a file says, without its blocks.
type FileReport struct {
	Rows, Accepted, Refused int
	Blocks                  int
	TNs                     int64
	Notices                 []tel.Sentence
	Bad                     []intake.Refusal // the first of the refused rows
}

// Blocked tells that the file cannot be confirmed.
func (u *Upload) Blocked() bool {
	return u.Report.Accepted == 0 || u.Strict && u.Report.Refused > 0
}

const (
	uploadKept  = time.Hour   // after the last that happened to it
	mostUploads = 8           // of a person, that wait to be confirmed or to run again
	runnerDead  = time.Minute // without a sign of life
	pieceSize   = 256 << 10   // so that a change that writes one is short
)

func init() { // what stands among the arguments of a report's sentences
	for _, v := range []any{tel.Word(""), tel.Block(0), tel.Number(0), tel.Sentence{}, &tel.Error{}} {
		gob.Register(v)
	}
}

// ReceiveUpload keeps a file as it comes in, piece by piece. Nobody sees it before
// ShowUpload.
func (s *Store) ReceiveUpload(ctx context.Context, actor tel.Actor, name string, file io.Reader) (*Upload, error) {
	if err := mayManageInventory(actor); err != nil {
		return nil, err
	}
	u := &Upload{ID: rand.Text(), Owner: actor.ID, Name: name, State: tel.UploadReading}
	err := s.change(ctx, actor, func(t *tx) error {
		_, err := t.exec(`INSERT INTO upload (id, owner, name, state, touched_at) VALUES ($1, $2, $3, $4, $5)`, u.ID, u.Owner, u.Name, string(u.State), micros(t.now))
		return err
	})
	if err != nil {
		return nil, err
	}
	w := pieceWriter{ctx: ctx, s: s, actor: actor, upload: u.ID}
	packed := gzip.NewWriter(&w)
	if u.Bytes, err = io.Copy(packed, file); err == nil {
		err = errors.Join(packed.Close(), w.flush())
	}
	if err != nil {
		return nil, errors.Join(err, s.DropUpload(ctx, actor, u))
	}
	return u, nil
}

// pieceWriter writes a stream into rows.
type pieceWriter struct {
	ctx    context.Context
	s      *Store
	actor  tel.Actor
	upload string
	piece  int
	buf    bytes.Buffer
}

func (w *pieceWriter) Write(b []byte) (int, error) {
	w.buf.Write(b)
	if w.buf.Len() < pieceSize {
		return len(b), nil
	}
	return len(b), w.flush()
}

func (w *pieceWriter) flush() error {
	if w.buf.Len() == 0 {
		return nil
	}
	err := w.s.change(w.ctx, w.actor, func(t *tx) error {
		_, err := t.exec(`INSERT INTO upload_piece (upload_id, piece, content) VALUES ($1, $2, $3)`, w.upload, w.piece, w.buf.Bytes())
		return err
	})
	w.piece++
	w.buf.Reset()
	return err
}

// pieceReader reads it back.
type pieceReader struct {
	ctx    context.Context
	s      *Store
	upload string
	piece  int
	rest   []byte
}

func (r *pieceReader) Read(b []byte) (int, error) {
	if len(r.rest) == 0 {
		err := r.s.read.QueryRowContext(r.ctx, `SELECT content FROM upload_piece WHERE upload_id = $1 AND piece = $2`, r.upload, r.piece).Scan(&r.rest)
		if errors.Is(err, sql.ErrNoRows) {
			err = io.EOF
		}
		if err != nil {
			return 0, err
		}
		r.piece++
	}
	n := copy(b, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// ReadUpload reads an upload's text again. It may have waited long for its turn, so that
// it tells first that the upload is needed; CodeNotFound when it is gone.
func (s *Store) ReadUpload(ctx context.Context, actor tel.Actor, u *Upload, mostRefusals int) (*intake.Inventory, error) {
	if err := mayManageInventory(actor); err != nil {
		return nil, err
	}
	err := s.change(ctx, actor, func(t *tx) error {
		n, err := t.exec(`UPDATE upload SET touched_at = $1 WHERE id = $2`, micros(t.now), u.ID)
		return stillThere(n > 0, err)
	})
	if err != nil {
		return nil, err
	}
	text, err := gzip.NewReader(&pieceReader{ctx: ctx, s: s, upload: u.ID})
	if err != nil {
		return nil, err
	}
	return intake.Read(ctx, text, intake.Options{AllowFictional: u.Fictional, MaxRefusals: mostRefusals})
}

// ShowUpload makes a preview of what was received: from now on it may be confirmed. Of
// its owner's that wait, too many, the oldest go.
func (s *Store) ShowUpload(ctx context.Context, actor tel.Actor, u *Upload, inv *intake.Inventory) error {
	would, err := s.CompareImport(ctx, actor, inv)
	if err != nil {
		return err
	}
	u.State, u.Added, u.Changed = tel.UploadPreview, would.BlocksNew, would.BlocksChanged
	u.Report = FileReport{Rows: inv.Rows, Accepted: inv.Accepted, Refused: inv.RefusedCount, Blocks: len(inv.Blocks), TNs: inv.TNs, Notices: inv.Notices, Bad: inv.Refused}
	var report bytes.Buffer
	if err := gob.NewEncoder(&report).Encode(u.Report); err != nil {
		return err
	}
	return s.change(ctx, actor, func(t *tx) error {
		_, err := t.exec(`DELETE FROM upload WHERE id IN (SELECT id FROM upload WHERE owner = $1 AND state IN ('preview', 'failed') ORDER BY touched_at DESC, id LIMIT 1000 OFFSET $2)`, u.Owner, mostUploads-1)
		if err != nil {
			return err
		}
		if err := stillThere(t.moveUpload(u.ID, tel.UploadPreview)); err != nil {
			return err
		}
		_, err = t.exec(`UPDATE upload SET bytes = $1, strict = $2, fictional = $3, report = $4, added = $5, changed = $6 WHERE id = $7`,
			u.Bytes, u.Strict, u.Fictional, report.Bytes(), u.Added, u.Changed, u.ID)
		return err
	})
}

// stillThere refuses a change of an upload that housekeeping has thrown away.
func stillThere(found bool, err error) error {
	if err == nil && !found {
		return tel.NotFound()
	}
	return err
}

// moveUpload brings an upload from one state to another; false: it cannot go there, or
// housekeeping has thrown it away. The text of one that has ended is not needed any more.
func (t *tx) moveUpload(id string, next tel.UploadState) (moved bool, err error) {
	var is tel.UploadState
	var touched micros
	err = t.row(`SELECT state, touched_at FROM upload WHERE id = $1`, id).Scan((*string)(&is), &touched)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil || !stateNow(is, touched, t.now).CanBecome(next) {
		return false, err
	}
	if _, err := t.exec(`UPDATE upload SET state = $1, touched_at = $2 WHERE id = $3`, string(next), micros(t.now), id); err != nil || !next.Ended() {
		return err == nil, err
	}
	_, err = t.exec(`DELETE FROM upload_piece WHERE upload_id = $1`, id)
	return err == nil, err
}

// stateNow knows that a run without a sign of life has failed.
func stateNow(is tel.UploadState, touched micros, now time.Time) tel.UploadState {
	if is == tel.UploadRunning && now.Sub(time.Time(touched)) > runnerDead {
		return tel.UploadFailed
	}
	return is
}

// DropUpload forgets one that nobody has seen.
func (s *Store) DropUpload(ctx context.Context, actor tel.Actor, u *Upload) error {
	if err := mayManageInventory(actor); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx) // they may have gone
	return s.change(ctx, actor, func(t *tx) error {
		_, err := t.exec(`DELETE FROM upload WHERE id = $1 AND state = $2`, u.ID, string(tel.UploadReading))
		return err
	})
}

const uploadColumns = `id, owner, name, bytes, strict, fictional, state, touched_at, report, added, changed, done`

func (s *Store) scanUpload(row scanner) (*Upload, error) {
	var u Upload
	var touched micros
	var report []byte
	if err := row.Scan(&u.ID, &u.Owner, &u.Name, &u.Bytes, &u.Strict, &u.Fictional, (*string)(&u.State), &touched, &report, &u.Added, &u.Changed, &u.Done); err != nil {
		return nil, err
	}
	u.State = stateNow(u.State, touched, s.Now())
	return &u, gob.NewDecoder(bytes.NewReader(report)).Decode(&u.Report)
}

// Upload is one by its id, for operators.
func (s *Store) Upload(ctx context.Context, actor tel.Actor, id string) (*Upload, error) {
	if err := mayManageInventory(actor); err != nil {
		return nil, err
	}
	u, err := s.scanUpload(s.read.QueryRowContext(ctx, `SELECT `+uploadColumns+` FROM upload WHERE id = $1 AND state <> $2`, id, string(tel.UploadReading)))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, tel.NotFound()
	}
	return u, err
}

// UnfinishedUploads are the actor's own that wait, run, or were cut off.
func (s *Store) UnfinishedUploads(ctx context.Context, actor tel.Actor) ([]*Upload, error) {
	if err := mayManageInventory(actor); err != nil {
		return nil, err
	}
	rows, err := s.read.QueryContext(ctx, `SELECT `+uploadColumns+` FROM upload WHERE owner = $1 AND state IN ('preview', 'running', 'failed') ORDER BY touched_at, id`, actor.ID)
	if err != nil {
		return nil, err
	}
	return collect(rows, s.scanUpload)
}

// StartUpload lets an upload become an import. Of all who ask, one is answered a runner,
// which is the only one that may tell how far it is; the others are answered "".
func (s *Store) StartUpload(ctx context.Context, actor tel.Actor, u *Upload) (runner string, err error) {
	if err := mayManageInventory(actor); err != nil || u.Blocked() {
		return "", err
	}
	runner = rand.Text()
	var mine bool
	err = s.change(ctx, actor, func(t *tx) (err error) {
		if mine, err = t.moveUpload(u.ID, tel.UploadRunning); !mine {
			return err
		}
		_, err = t.exec(`UPDATE upload SET runner = $1, done = 0 WHERE id = $2`, runner, u.ID)
		return err
	})
	if err != nil || !mine {
		return "", err
	}
	return runner, nil
}

// TouchUpload tells that a run goes on, and how far it is; false: another has taken over.
func (s *Store) TouchUpload(ctx context.Context, actor tel.Actor, id, runner string, done int) (mine bool, err error) {
	if err := mayManageInventory(actor); err != nil {
		return false, err
	}
	err = s.change(ctx, actor, func(t *tx) error {
		n, err := t.exec(`UPDATE upload SET done = $1, touched_at = $2 WHERE id = $3 AND runner = $4`, done, micros(t.now), id, runner)
		mine = n > 0
		return err
	})
	return mine, err
}

// EndUpload tells what a run has written, all of it or not. The text of one that may run
// again stays.
func (s *Store) EndUpload(ctx context.Context, actor tel.Actor, id, runner string, done int, has Imported, whole bool) error {
	if err := mayManageInventory(actor); err != nil {
		return err
	}
	state := tel.UploadFailed
	if whole {
		state = tel.UploadDone
	}
	return s.change(ctx, actor, func(t *tx) error {
		n, err := t.exec(`UPDATE upload SET runner = '', done = $1, added = $2, changed = $3, touched_at = $4 WHERE id = $5 AND runner = $6`,
			done, has.BlocksNew, has.BlocksChanged, micros(t.now), id, runner)
		if err == nil && n > 0 { // it has just given a sign of life
			_, err = t.moveUpload(id, state)
		}
		return err
	})
}

// DiscardUpload takes a preview back; false: it is none any more.
func (s *Store) DiscardUpload(ctx context.Context, actor tel.Actor, id string) (discarded bool, err error) {
	if err := mayManageInventory(actor); err != nil {
		return false, err
	}
	err = s.change(ctx, actor, func(t *tx) (err error) {
		discarded, err = t.moveUpload(id, tel.UploadDiscarded)
		return err
	})
	return discarded, err
}
