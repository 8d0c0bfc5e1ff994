package web

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"tnreserve/store"
	"tnreserve/store/intake"
	"tnreserve/store/tel"
	"tnreserve/views"
	"tnreserve/views/texts"
)

const (
	maxUpload     = 64_000_000
	uploadTime    = 5 * time.Minute // a slow line may take longer than other requests
	answerTime    = 5 * time.Minute // after that: what the file would change, and the page
	previewLife   = time.Hour
	mostPreviews  = 8 // kept at once: a preview of the whole country takes 50 MB
	shownRefusals = 200
)

// imports are the files on their way into the inventory: read, and waiting for
// somebody to confirm; or being written. They live in memory: a restart forgets
// previews, and an import that was cut off is done again to the same end.
type imports struct {
	store *store.Store
	log   *slog.Logger
	ctx   context.Context
	stop  context.CancelFunc
	// reading has the one place for a file that is being read: a small file may name
	// millions of blocks.
	reading chan struct{}
	mu      sync.Mutex
	list    []*importJob // oldest first
}

type importJob struct {
	mu    sync.Mutex
	owner string
	made  time.Time
	inv   *intake.Inventory
	view  views.Import
}

func newImports(s *store.Store, log *slog.Logger) *imports {
	ctx, stop := context.WithCancel(context.Background())
	return &imports{store: s, log: log, ctx: ctx, stop: stop, reading: make(chan struct{}, 1)}
}

// add keeps a preview; those that nobody confirmed in time go.
func (im *imports) add(j *importJob, now time.Time) error {
	im.mu.Lock()
	defer im.mu.Unlock()
	im.list = slices.DeleteFunc(im.list, func(old *importJob) bool {
		return now.Sub(old.made) > previewLife && old.show().State != views.ImportRunning
	})
	waiting := 0
	for _, old := range im.list {
		if old.show().State == views.ImportPreview {
			waiting++
		}
	}
	if waiting >= mostPreviews {
		return tel.Refuse(tel.CodeConflict, "%d imports wait to be confirmed or discarded; do that first.", waiting)
	}
	im.list = append(im.list, j)
	return nil
}

func (im *imports) find(id string) *importJob {
	im.mu.Lock()
	defer im.mu.Unlock()
	for _, j := range im.list {
		if j.view.ID == id {
			return j
		}
	}
	return nil
}

// unfinished are a person's imports that wait or run.
func (im *imports) unfinished(owner string) []views.Import {
	im.mu.Lock()
	defer im.mu.Unlock()
	var list []views.Import
	for _, j := range im.list {
		if v := j.show(); j.owner == owner && (v.State == views.ImportPreview || v.State == views.ImportRunning) {
			list = append(list, v)
		}
	}
	return list
}

func (j *importJob) show() views.Import {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.view
}

func (j *importJob) set(change func(*views.Import)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	change(&j.view)
}

// start lets a preview become an import, once.
func (j *importJob) start() (*intake.Inventory, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.view.State != views.ImportPreview || j.view.Blocked() {
		return nil, false
	}
	j.view.State, j.view.Done, j.view.Total = views.ImportRunning, 0, len(j.inv.Blocks)
	inv := j.inv
	j.inv = nil
	return inv, true
}

// run writes an inventory, in the background of the request that confirmed it.
func (im *imports) run(j *importJob, actor tel.Actor, inv *intake.Inventory) {
	result, err := im.store.Import(im.ctx, actor, inv, func(done, total int) {
		j.set(func(v *views.Import) { v.Done, v.Total = done, total })
	})
	j.set(func(v *views.Import) {
		v.Added, v.Changed, v.State = result.BlocksNew, result.BlocksChanged, views.ImportDone
		if err != nil {
			v.State, v.Problem = views.ImportFailed, texts.Mark("The import was cut off; run it again, what was written stays.")
		}
	})
	if err != nil {
		im.log.Error("import failed", "error", err)
	}
}

func (v *visit) importForm() error { return v.importFormWith(http.StatusOK, views.ImportForm{}) }

func (v *visit) importFormWith(status int, form views.ImportForm) error {
	if !v.actor.Can(tel.ActManageInventory) {
		return tel.Forbidden(tel.ActManageInventory)
	}
	form.MaxBytes, form.Unfinished = maxUpload, v.imports.unfinished(v.actor.ID)
	return v.render(status, views.ImportFormPage(v.shell(), form))
}

// upload reads a file as it comes in and keeps what it says for the preview. Nothing
// is written.
func (v *visit) upload() error {
	if !v.actor.Can(tel.ActManageInventory) {
		return tel.Forbidden(tel.ActManageInventory)
	}
	v.timed(noDeadline, noDeadline) // its time begins with its turn; one that is over cannot be put off
	select {
	case v.imports.reading <- struct{}{}:
		defer func() { <-v.imports.reading }()
	case <-v.r.Context().Done():
		return v.r.Context().Err()
	}
	now := time.Now() // the connection's clock
	v.timed(now.Add(uploadTime), now.Add(uploadTime+answerTime))
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, maxUpload+maxForm)
	form, name, size, inv, err := v.readUpload()
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		err = tel.Invalid("file", "The file is larger than %d MB; use the import command.", maxUpload/1_000_000)
	}
	if e, ok := errors.AsType[*tel.Error](err); ok && e.Code == tel.CodeInvalid {
		form.Errors = map[string]string{"file": v.say(e)}
		return v.importFormWith(http.StatusUnprocessableEntity, form)
	}
	if err != nil {
		return err
	}
	job, err := v.preview(form, name, size, inv)
	if err != nil {
		return err
	}
	if err := v.imports.add(job, v.now); err != nil {
		return v.backWith("/inventory/import", err)
	}
	return v.redirect("/inventory/import/" + job.view.ID)
}

// timed gives a request its ends on the wire.
func (v *visit) timed(read, write time.Time) {
	rc := http.NewResponseController(v.w)
	if err := errors.Join(rc.SetReadDeadline(read), rc.SetWriteDeadline(write)); err != nil {
		v.log.Debug("the time of an upload", "error", err)
	}
}

// readUpload walks the parts of the form; the options may come before or after the
// file, so the file is read with neither and strictness is judged by what it says.
func (v *visit) readUpload() (form views.ImportForm, name string, size int64, inv *intake.Inventory, err error) {
	parts, err := v.r.MultipartReader()
	if err != nil {
		return form, "", 0, nil, tel.Invalid("file", "Choose a file first.")
	}
	var text []byte
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return form, name, size, nil, uploadError(err)
		}
		switch part.FormName() {
		case "strict":
			form.Strict = true
		case "fictional":
			form.Fictional = true
		case "file":
			name = part.FileName()
			if text, err = io.ReadAll(part); err != nil {
				return form, name, size, nil, uploadError(err)
			}
		}
	}
	if name == "" {
		return form, "", 0, nil, tel.Invalid("file", "Choose a file first.")
	}
	if clean, err := tel.CleanText("file", name, 100); err == nil {
		name = clean
	} else {
		name = "upload.csv"
	}
	inv, err = intake.Read(v.r.Context(), bytes.NewReader(text), intake.Options{AllowFictional: form.Fictional, MaxRefusals: shownRefusals})
	return form, name, int64(len(text)), inv, err
}

func uploadError(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return err
	}
	return tel.Invalid("file", "The file did not arrive whole; try again.")
}

// preview is what an import would do.
func (v *visit) preview(form views.ImportForm, name string, size int64, inv *intake.Inventory) (*importJob, error) {
	would, err := v.store.CompareImport(v.r.Context(), v.actor, inv)
	if err != nil {
		return nil, err
	}
	view := views.Import{
		ID: rand.Text(), Name: name, Bytes: size, State: views.ImportPreview, Strict: form.Strict,
		Rows: inv.Rows, Accepted: inv.Accepted, Refused: inv.RefusedCount, Blocks: len(inv.Blocks), TNs: int(inv.TNs),
		Added: would.BlocksNew, Changed: would.BlocksChanged, Notices: inv.Notices,
	}
	for _, r := range inv.Refused {
		view.Bad = append(view.Bad, views.ImportLine{Line: r.Line, Text: r.Field, Reason: r.Reason})
	}
	return &importJob{owner: v.actor.ID, made: v.now, inv: inv, view: view}, nil
}

// importHere is the import of this address, for operators.
func (v *visit) importHere() (*importJob, error) {
	if !v.actor.Can(tel.ActManageInventory) {
		return nil, tel.Forbidden(tel.ActManageInventory)
	}
	j := v.imports.find(v.r.PathValue("import"))
	if j == nil {
		return nil, tel.NotFound()
	}
	return j, nil
}

func (v *visit) importPage() error {
	j, err := v.importHere()
	if err != nil {
		return err
	}
	return v.render(http.StatusOK, views.ImportPage(v.shell(), j.show()))
}

func (v *visit) confirmImport() error {
	j, err := v.importHere()
	if err != nil {
		return err
	}
	if inv, ok := j.start(); ok {
		go v.imports.run(j, v.actor, inv)
	}
	return v.redirect("/inventory/import/" + j.view.ID)
}

func (v *visit) discardImport() error {
	j, err := v.importHere()
	if err != nil {
		return err
	}
	var state views.ImportState
	j.set(func(view *views.Import) {
		if view.State == views.ImportPreview {
			view.State = views.ImportDiscarded
			j.inv = nil
		}
		state = view.State
	})
	if state != views.ImportDiscarded { // it was confirmed meanwhile
		return v.redirect("/inventory/import/" + j.view.ID)
	}
	return v.done("/inventory/import", ok(v.t("The file was discarded; nothing was written.")))
}
