package web

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"tnreserve/store"
	"tnreserve/store/intake"
	"tnreserve/store/tel"
	"tnreserve/views"
)

const (
	maxUpload     = 64_000_000
	uploadTime    = 5 * time.Minute // a slow line may take longer than other requests
	answerTime    = 5 * time.Minute // after that: what the file would change, and the page
	shownRefusals = 200
	signOfLife    = time.Second // of an import that is written
	quietTicks    = 15          // of those without progress, until it says again that it lives
	lastWord      = 5 * time.Second
)

// imports are what this node does for files on their way into the inventory. The files
// lie in the database.
type imports struct {
	store *store.Store
	log   *slog.Logger
	ctx   context.Context
	stop  context.CancelFunc
	// reading has the one place for a file that is read, writing the one for an import:
	// a preview of the whole country takes 50 MB, and a small file may name millions of
	// blocks.
	reading, writing chan struct{}

	starting sync.Mutex
	running  sync.WaitGroup // those that write or wait for their turn
}

func newImports(s *store.Store, log *slog.Logger) *imports {
	ctx, stop := context.WithCancel(context.Background())
	return &imports{store: s, log: log, ctx: ctx, stop: stop, reading: make(chan struct{}, 1), writing: make(chan struct{}, 1)}
}

// drain stops imports between two changes, and waits until each has told how far it came,
// or the database answers nothing.
func (im *imports) drain() {
	im.starting.Lock()
	im.stop()
	im.starting.Unlock()
	told := make(chan struct{})
	go func() {
		im.running.Wait()
		close(told)
	}()
	select {
	case <-told:
	case <-time.After(lastWord + time.Second): // each has had its own
		im.log.Warn("an import has not ended")
	}
}

// start runs an upload in the background of the request that confirmed it. While the
// server shuts down the request waits to hear that it does not run.
func (im *imports) start(actor tel.Actor, u *store.Upload, runner string) {
	im.starting.Lock()
	ended := im.ctx.Err() != nil
	if !ended {
		im.running.Go(func() { im.run(actor, u, runner) })
	}
	im.starting.Unlock()
	if ended {
		im.end(actor, u, runner, 0, store.Imported{}, false)
	}
}

// take waits for a place.
func take(ctx context.Context, place chan struct{}) error {
	select {
	case place <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (im *imports) read(ctx context.Context, actor tel.Actor, u *store.Upload) (*intake.Inventory, error) {
	if err := take(ctx, im.reading); err != nil {
		return nil, err
	}
	defer func() { <-im.reading }()
	return im.store.ReadUpload(ctx, actor, u, shownRefusals)
}

// run writes an upload when its turn comes.
func (im *imports) run(actor tel.Actor, u *store.Upload, runner string) {
	ctx, stop := context.WithCancel(im.ctx)
	defer stop()
	var done atomic.Int64
	go func() {
		defer stop()
		im.live(ctx, actor, u.ID, runner, &done)
	}()
	err := take(ctx, im.writing)
	if err == nil {
		defer func() { <-im.writing }()
	}
	var result store.Imported
	if err == nil {
		result, err = im.write(ctx, actor, u, &done)
	}
	stop()
	if err != nil {
		im.log.Error("import failed", "upload", u.ID, "error", err)
	}
	im.end(actor, u, runner, done.Load(), result, err == nil)
}

// end tells what a run has written, all of it or not.
func (im *imports) end(actor tel.Actor, u *store.Upload, runner string, done int64, has store.Imported, whole bool) {
	ctx, stop := context.WithTimeout(context.Background(), lastWord)
	defer stop()
	if err := im.store.EndUpload(ctx, actor, u.ID, runner, int(done), has, whole); err != nil {
		im.log.Error("the end of an import", "upload", u.ID, "error", err)
	}
}

func (im *imports) write(ctx context.Context, actor tel.Actor, u *store.Upload, done *atomic.Int64) (store.Imported, error) {
	inv, err := im.read(ctx, actor, u)
	if err != nil {
		return store.Imported{}, err
	}
	return im.store.Import(ctx, actor, inv, func(n, _ int) { done.Store(int64(n)) })
}

// live tells all nodes how far a run is, until it ends or another has taken over. One
// that waits for its turn has little to tell.
func (im *imports) live(ctx context.Context, actor tel.Actor, id, runner string, done *atomic.Int64) {
	tick := time.NewTicker(signOfLife)
	defer tick.Stop()
	var told int64
	for mine, quiet := true, 0; mine; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := done.Load()
		if quiet++; now == told && quiet < quietTicks {
			continue
		}
		told, quiet = now, 0
		var err error
		if mine, err = im.store.TouchUpload(ctx, actor, id, runner, int(now)); err != nil {
			im.log.Warn("the progress of an import", "upload", id, "error", err)
			mine = true
		}
	}
}

func (v *visit) importForm() error { return v.importFormWith(http.StatusOK, views.ImportForm{}) }

func (v *visit) importFormWith(status int, form views.ImportForm) error {
	if !v.actor.Can(tel.ActManageInventory) {
		return tel.Forbidden(tel.ActManageInventory)
	}
	list, err := v.store.UnfinishedUploads(v.r.Context(), v.actor)
	if err != nil {
		return err
	}
	form.MaxBytes = maxUpload
	for _, u := range list {
		form.Unfinished = append(form.Unfinished, importView(u))
	}
	return v.render(status, views.ImportFormPage(v.shell(), form))
}

// upload keeps a file as it comes in, and what it says for the preview. The inventory is
// as it was.
func (v *visit) upload() error {
	if !v.actor.Can(tel.ActManageInventory) {
		return tel.Forbidden(tel.ActManageInventory)
	}
	now := time.Now() // the connection's clock
	v.timed(now.Add(uploadTime), now.Add(uploadTime+answerTime))
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, maxUpload+maxForm)
	u, form, err := v.receive()
	if err == nil {
		err = v.preview(u)
	}
	if err == nil {
		return v.redirect("/inventory/import/" + u.ID)
	}
	if u != nil {
		err = errors.Join(err, v.store.DropUpload(v.r.Context(), v.actor, u))
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		err = tel.Invalid("file", "The file is larger than %d MB; use the import command.", maxUpload/1_000_000)
	}
	if e, ok := errors.AsType[*tel.Error](err); ok && e.Code == tel.CodeInvalid {
		form.Errors = map[string]string{"file": v.say(e)}
		return v.importFormWith(http.StatusUnprocessableEntity, form)
	}
	return err
}

// timed gives a request its ends on the wire.
func (v *visit) timed(read, write time.Time) {
	rc := http.NewResponseController(v.w)
	if err := errors.Join(rc.SetReadDeadline(read), rc.SetWriteDeadline(write)); err != nil {
		v.log.Debug("the time of an upload", "error", err)
	}
}

// receive walks the parts of the form; the options may come before or after the file,
// so the file is kept with neither.
func (v *visit) receive() (u *store.Upload, form views.ImportForm, err error) {
	parts, err := v.r.MultipartReader()
	for err == nil {
		var part *multipart.Part
		if part, err = parts.NextPart(); err != nil {
			break
		}
		switch part.FormName() {
		case "strict":
			form.Strict = true
		case "fictional":
			form.Fictional = true
		case "file":
			if part.FileName() != "" && u == nil {
				if u, err = v.receiveFile(part); err != nil {
					return u, form, err
				}
			}
		}
	}
	switch {
	case u != nil && errors.Is(err, io.EOF):
		u.Strict, u.Fictional = form.Strict, form.Fictional
		return u, form, nil
	case u == nil && (errors.Is(err, io.EOF) || errors.Is(err, http.ErrNotMultipart)):
		err = tel.Invalid("file", "Choose a file first.")
	default:
		err = uploadError(err)
	}
	return u, form, err
}

// receiveFile refuses what is no CSV by its beginning.
func (v *visit) receiveFile(part *multipart.Part) (*store.Upload, error) {
	file, err := intake.Sniff(v.r.Context(), arriving{part})
	if err != nil {
		return nil, err
	}
	name, err := tel.CleanText("file", part.FileName(), 100)
	if err != nil {
		name = "upload.csv"
	}
	return v.store.ReceiveUpload(v.r.Context(), v.actor, name, file)
}

// arriving is a file on its way in; what breaks is the line.
type arriving struct{ io.Reader }

func (a arriving) Read(b []byte) (int, error) {
	n, err := a.Reader.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		err = uploadError(err)
	}
	return n, err
}

func uploadError(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return err
	}
	return tel.Invalid("file", "The file did not arrive whole; try again.")
}

// preview tells what an import would do.
func (v *visit) preview(u *store.Upload) error {
	v.timed(noDeadline, noDeadline) // the time to answer begins with its turn
	if err := take(v.r.Context(), v.imports.reading); err != nil {
		return err
	}
	defer func() { <-v.imports.reading }()
	v.timed(noDeadline, time.Now().Add(answerTime)) // the connection's clock
	inv, err := v.store.ReadUpload(v.r.Context(), v.actor, u, shownRefusals)
	if err != nil {
		return err
	}
	return v.store.ShowUpload(v.r.Context(), v.actor, u, inv)
}

func importView(u *store.Upload) views.Import {
	view := views.Import{
		ID: u.ID, Name: u.Name, Bytes: u.Bytes, State: u.State, Blocked: u.Blocked(),
		Rows: u.Report.Rows, Accepted: u.Report.Accepted, Refused: u.Report.Refused, Blocks: u.Report.Blocks, TNs: int(u.Report.TNs),
		Added: u.Added, Changed: u.Changed, Notices: u.Report.Notices, Done: u.Done,
	}
	for _, r := range u.Report.Bad {
		view.Bad = append(view.Bad, views.ImportLine{Line: r.Line, Text: r.Field, Reason: r.Reason})
	}
	return view
}

// importHere is the import of this address, for operators.
func (v *visit) importHere() (*store.Upload, error) {
	return v.store.Upload(v.r.Context(), v.actor, v.r.PathValue("import"))
}

func (v *visit) importPage() error {
	u, err := v.importHere()
	if err != nil {
		return err
	}
	return v.render(http.StatusOK, views.ImportPage(v.shell(), importView(u)))
}

func (v *visit) confirmImport() error {
	u, err := v.importHere()
	if err != nil {
		return err
	}
	runner, err := v.store.StartUpload(v.r.Context(), v.actor, u)
	if err != nil {
		return err
	}
	if runner != "" {
		v.imports.start(v.actor, u, runner)
	}
	return v.redirect("/inventory/import/" + u.ID)
}

func (v *visit) discardImport() error {
	u, err := v.importHere()
	if err != nil {
		return err
	}
	discarded, err := v.store.DiscardUpload(v.r.Context(), v.actor, u.ID)
	if err != nil {
		return err
	}
	if !discarded { // it was confirmed meanwhile
		return v.redirect("/inventory/import/" + u.ID)
	}
	return v.done("/inventory/import", ok(v.t("The file was discarded; nothing was written.")))
}
