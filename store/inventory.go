package store

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"tnreserve/store/intake"
	"tnreserve/store/shelf"
	"tnreserve/store/tel"
)

// Imported counts what an import changed. A block of which only some TN's own offer
// changed counts as changed.
type Imported struct {
	BlocksNew       int   `json:"blocks_new"`
	BlocksChanged   int   `json:"blocks_changed"`
	BlocksUnchanged int   `json:"blocks_unchanged"`
	TNsNew          int64 `json:"tns_new"`
}

func mayManageInventory(actor tel.Actor) error {
	if !actor.Can(tel.ActManageInventory) {
		return tel.Forbidden(tel.ActManageInventory)
	}
	return nil
}

// importAtOnce is how many blocks one change writes: a few milliseconds, so that
// reserving goes on meanwhile.
const importAtOnce = 2000

// Import brings a read inventory file in. It only adds and changes: what is there and
// not in the file stays. It works in many small changes, each whole; an import that
// was killed is run again to the same end. progress, if set, is told the blocks done.
func (s *Store) Import(ctx context.Context, actor tel.Actor, inv *intake.Inventory, progress func(done, total int)) (Imported, error) {
	var total Imported
	if err := mayManageInventory(actor); err != nil {
		return total, err
	}
	im := importer{s: s, names: newNames(), says: inv.Says}
	if err := im.loadNames(ctx); err != nil {
		return total, err
	}
	done := 0
	err := eachChunk(inv, func(blocks []intake.Block, offers []intake.TNOffer) error {
		part, err := im.chunk(ctx, actor, blocks, offers)
		if err != nil {
			return err
		}
		total.add(part)
		done += len(blocks)
		if progress != nil {
			progress(done, len(inv.Blocks))
		}
		return nil
	})
	return total, err
}

// eachChunk calls fn with some blocks after others, and the offers of their TNs.
func eachChunk(inv *intake.Inventory, fn func([]intake.Block, []intake.TNOffer) error) error {
	offers := inv.TNOffers
	for chunk := range slices.Chunk(inv.Blocks, importAtOnce) {
		n := offersUpTo(offers, chunk[len(chunk)-1].Block)
		if err := fn(chunk, offers[:n]); err != nil {
			return err
		}
		offers = offers[n:]
	}
	return nil
}

// offersUpTo is how many of the sorted offers are of TNs of the block or one before it.
func offersUpTo(offers []intake.TNOffer, last tel.Block) int {
	n, _ := slices.BinarySearchFunc(offers, last+1, func(o intake.TNOffer, b tel.Block) int { return int(o.TN.Block() - b) })
	return n
}

func (i *Imported) add(o Imported) {
	i.BlocksNew += o.BlocksNew
	i.BlocksChanged += o.BlocksChanged
	i.BlocksUnchanged += o.BlocksUnchanged
	i.TNsNew += o.TNsNew
}

// importer knows the ids of places and offers, so that each is asked for once.
type importer struct {
	s    *Store
	says intake.OfferColumns
	names
}

// names are places and offers by id and back.
type names struct {
	places  map[tel.Place]shelf.PlaceID
	offers  map[tel.Offer]shelf.OfferID
	placeOf map[shelf.PlaceID]tel.Place
	offerOf map[shelf.OfferID]tel.Offer
	more    *names // where these do not know
}

func newNames() names {
	return names{map[tel.Place]shelf.PlaceID{}, map[tel.Offer]shelf.OfferID{}, map[shelf.PlaceID]tel.Place{}, map[shelf.OfferID]tel.Offer{}, nil}
}

// known looks where fn says, and then where more is known.
func known[K comparable, V any](n *names, fn func(*names) map[K]V, key K) (v V, ok bool) {
	for ; n != nil && !ok; n = n.more {
		v, ok = fn(n)[key]
	}
	return v, ok
}

func (n *names) addPlace(id shelf.PlaceID, p tel.Place) { n.places[p], n.placeOf[id] = id, p }
func (n *names) addOffer(id shelf.OfferID, o tel.Offer) { n.offers[o], n.offerOf[id] = id, o }

func (im *importer) loadNames(ctx context.Context) error {
	return errors.Join(im.s.eachPlace(ctx, im.s.read, im.addPlace, everyName), im.s.eachOffer(ctx, im.s.read, im.addOffer))
}

type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (results, error)
}

// everyName and placesOf choose places: all, or those of some blocks.
const everyName = `1 = 1`

func placesOf(blocks string) string {
	return `id IN (SELECT place_id FROM block WHERE id ` + blocks + `)`
}

func (s *Store) eachPlace(ctx context.Context, q querier, fn func(shelf.PlaceID, tel.Place), which string, args ...any) error {
	rows, err := q.QueryContext(ctx, `SELECT id, city, state, rate_center, lata, carrier FROM place WHERE `+which, args...)
	return eachRow(rows, err, func(row scanner) error {
		var id shelf.PlaceID
		var p tel.Place
		err := row.Scan(&id, &p.City, &p.State, &p.RateCenter, &p.LATA, &p.Carrier)
		fn(id, p)
		return err
	})
}

func (s *Store) eachOffer(ctx context.Context, q querier, fn func(shelf.OfferID, tel.Offer)) error {
	rows, err := q.QueryContext(ctx, `SELECT id, features, tier, monthly_cost FROM offer`)
	return eachRow(rows, err, func(row scanner) error {
		var id shelf.OfferID
		var o tel.Offer
		err := row.Scan(&id, &o.Features, &o.Tier, &o.MonthlyCost)
		fn(id, o)
		return err
	})
}

// eachRow walks rows, or gives back the error that came in their place.
func eachRow(rows results, err error, fn func(scanner) error) error {
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := fn(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (t *tx) placeID(n *names, p tel.Place) (id shelf.PlaceID, err error) {
	if id, ok := known(n, func(n *names) map[tel.Place]shelf.PlaceID { return n.places }, p); ok {
		return id, nil
	}
	t.writes++
	err = t.row(`INSERT INTO place (city, state, rate_center, lata, carrier) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (state, city, rate_center, lata, carrier) DO UPDATE SET city = excluded.city RETURNING id`,
		p.City, p.State, p.RateCenter, p.LATA, p.Carrier).Scan(&id)
	n.addPlace(id, p)
	return id, err
}

func (t *tx) offerID(n *names, o tel.Offer) (id shelf.OfferID, err error) {
	if id, ok := known(n, func(n *names) map[tel.Offer]shelf.OfferID { return n.offers }, o); ok {
		return id, nil
	}
	t.writes++
	err = t.row(`INSERT INTO offer (features, tier, monthly_cost) VALUES ($1, $2, $3)
		ON CONFLICT (features, tier, monthly_cost) DO UPDATE SET tier = excluded.tier RETURNING id`,
		o.Features, o.Tier, int64(o.MonthlyCost)).Scan(&id)
	n.addOffer(id, o)
	return id, err
}

// chunk writes some blocks in one change, and only where they differ.
func (im *importer) chunk(ctx context.Context, actor tel.Actor, blocks []intake.Block, offers []intake.TNOffer) (Imported, error) {
	var out Imported
	var fresh names // ids made in a change that is undone must not be remembered
	err := im.s.change(ctx, actor, func(t *tx) error {
		out, fresh = Imported{}, newNames()
		fresh.more = &im.names
		w := blockWriter{tx: t, names: &fresh, says: im.says, out: &out}
		if err := w.write(blocks, offers); err != nil {
			return err
		}
		if len(w.touched) > 0 {
			t.event(tel.EventImported, 0, 0, tel.Facts{Blocks: joined(w.touched)})
		}
		return nil
	})
	if err == nil {
		maps.Copy(im.places, fresh.places)
		maps.Copy(im.offers, fresh.offers)
		maps.Copy(im.placeOf, fresh.placeOf)
		maps.Copy(im.offerOf, fresh.offerOf)
	}
	return out, err
}

// blockWriter writes a chunk of blocks where they differ from what there is.
type blockWriter struct {
	*tx
	names   *names
	says    intake.OfferColumns
	out     *Imported
	gone    []tel.Block      // to be written again
	rows    []any            // of table block
	own     []intake.TNOffer // of TNs by themselves
	touched [][2]tel.Block   // that differ, in whole or in some TN's own offer
}

func (w *blockWriter) write(blocks []intake.Block, offers []intake.TNOffer) error {
	have, err := w.names.present(blocks, w.query, w.row)
	if err != nil {
		return err
	}
	err = eachBecoming(w.says, blocks, offers, have, func(in intake.Block, was *present, now future) error {
		w.out.count(was, now)
		return w.block(in.Block, was, now)
	})
	if err != nil {
		return err
	}
	if err := w.execEach(keys(w.gone), `DELETE FROM block WHERE id`); err != nil {
		return err
	}
	if err := w.insertRows(`INSERT INTO block (id, place_id, offer_id, members) VALUES `, 4, w.rows); err != nil {
		return err
	}
	return w.putTNOffers()
}

// block notes what is to be written for one block. An UPDATE would cost a statement per
// block, so a changed row is removed and written again with the rest.
func (w *blockWriter) block(b tel.Block, was *present, now future) error {
	if now.same(was) {
		return nil
	}
	w.touched = append(w.touched, [2]tel.Block{b, b})
	w.own = append(w.own, now.own...)
	if !now.row {
		return nil
	}
	place, err := w.placeID(w.names, now.place)
	if err != nil {
		return err
	}
	offer, err := w.offerID(w.names, now.offer)
	if err != nil {
		return err
	}
	if was != nil {
		w.gone = append(w.gone, b)
	}
	w.rows = append(w.rows, int64(b), int64(place), int64(offer), encodeMembers(now.members))
	return nil
}

// present is a block as it is before an import.
type present struct {
	shelf.Block
	place tel.Place
	offer tel.Offer
	own   map[tel.Number]tel.Offer // of TNs by themselves
}

// present reads how some blocks are; those that are not there yet are left out.
func (n *names) present(blocks []intake.Block, query func(string, ...any) (results, error), row func(string, ...any) scanner) (map[tel.Block]*present, error) {
	spans, have := spansOf(blocks), map[tel.Block]*present{}
	if err := eachBlock(spans, query, func(b shelf.Block) { have[b.Block] = &present{Block: b} }); err != nil {
		return nil, err
	}
	own := map[tel.Number]shelf.OfferID{}
	if err := eachTNOffer(spans, query, func(tn tel.Number, o shelf.OfferID) { own[tn] = o }); err != nil {
		return nil, err
	}
	var err error
	for _, p := range have {
		if p.place, err = n.placeNamed(p.Place, row); err != nil {
			return nil, err
		}
		if p.offer, err = n.offerNamed(p.Offer, row); err != nil {
			return nil, err
		}
	}
	for tn, id := range own {
		p := have[tn.Block()]
		if p == nil {
			continue
		}
		if p.own == nil {
			p.own = map[tel.Number]tel.Offer{}
		}
		if p.own[tn], err = n.offerNamed(id, row); err != nil {
			return nil, err
		}
	}
	return have, nil
}

// future is what a block will be after an import.
type future struct {
	members *shelf.Bits
	place   tel.Place
	offer   tel.Offer
	row     bool             // the block itself differs
	own     []intake.TNOffer // that TNs of it get
}

func (f future) same(was *present) bool { return was != nil && !f.row && len(f.own) == 0 }

// eachBecoming decides what an import does to each of some blocks.
func eachBecoming(says intake.OfferColumns, blocks []intake.Block, offers []intake.TNOffer, have map[tel.Block]*present, fn func(intake.Block, *present, future) error) error {
	for _, in := range blocks {
		n := offersUpTo(offers, in.Block)
		was := have[in.Block]
		if err := fn(in, was, become(says, in, offers[:n], was)); err != nil {
			return err
		}
		offers = offers[n:]
	}
	return nil
}

// become is what an import makes of a block; was is nil for a new one. A file that names
// only part of a block says nothing of how the other TNs are sold; an empty part of a
// place, and a part of an offer that has no column, says nothing at all.
func become(says intake.OfferColumns, in intake.Block, offers []intake.TNOffer, was *present) future {
	if was == nil {
		return future{members: in.Members, place: in.Place, offer: in.Offer, row: true, own: offers}
	}
	named := says.Over(was.offer, in.Offer)
	now := future{members: union(was.Members, in.Members), place: completed(in.Place, was.place), offer: named}
	if memberCount(now.members) != memberCount(in.Members) {
		now.offer = was.offer // some TNs are not the file's
	}
	now.row = now.place != was.place || now.offer != was.offer || memberCount(now.members) != memberCount(was.Members)
	if named == now.offer && len(offers)+len(was.own) == 0 {
		return now
	}
	for i := range tel.BlockSize {
		if in.Members != nil && !in.Members.Has(i) {
			continue
		}
		tn, said := in.Block.Number(i), in.Offer
		if len(offers) > 0 && offers[0].TN == tn {
			said, offers = offers[0].Offer, offers[1:]
		}
		is, otherwise := was.own[tn]
		wanted, left := says.Over(was.offer, said), now.offer
		if otherwise {
			wanted, left = says.Over(is, said), is
		}
		if wanted != left {
			now.own = append(now.own, intake.TNOffer{TN: tn, Offer: wanted})
		}
	}
	return now
}

// count adds one block to the counts: what it was (nil: not there) and what it is to be.
func (i *Imported) count(was *present, now future) {
	switch {
	case was == nil:
		i.BlocksNew++
		i.TNsNew += memberCount(now.members)
	case now.same(was):
		i.BlocksUnchanged++
	default:
		i.BlocksChanged++
		i.TNsNew += memberCount(now.members) - memberCount(was.Members)
	}
}

// CompareImport counts the blocks that Import would change, and writes nothing.
func (s *Store) CompareImport(ctx context.Context, actor tel.Actor, inv *intake.Inventory) (Imported, error) {
	var out Imported
	if err := mayManageInventory(actor); err != nil {
		return out, err
	}
	im := importer{s: s, names: newNames()}
	if err := im.loadNames(ctx); err != nil {
		return out, err
	}
	row := func(sql string, args ...any) scanner { return s.read.QueryRowContext(ctx, sql, args...) }
	err := eachChunk(inv, func(blocks []intake.Block, offers []intake.TNOffer) error {
		have, err := im.present(blocks, s.reader(ctx), row)
		if err != nil {
			return err
		}
		return eachBecoming(inv.Says, blocks, offers, have, func(_ intake.Block, was *present, now future) error {
			out.count(was, now)
			return nil
		})
	})
	return out, err
}

// completed is a place with what it does not say taken from another.
func completed(p, from tel.Place) tel.Place {
	return tel.Place{
		City: cmp.Or(p.City, from.City), State: cmp.Or(p.State, from.State), RateCenter: cmp.Or(p.RateCenter, from.RateCenter),
		LATA: cmp.Or(p.LATA, from.LATA), Carrier: cmp.Or(p.Carrier, from.Carrier),
	}
}

// placeNamed is what a place id stands for; another import may have made it.
func (n *names) placeNamed(id shelf.PlaceID, row func(string, ...any) scanner) (tel.Place, error) {
	p, ok := known(n, func(n *names) map[shelf.PlaceID]tel.Place { return n.placeOf }, id)
	if ok {
		return p, nil
	}
	err := row(`SELECT city, state, rate_center, lata, carrier FROM place WHERE id = $1`, id).Scan(&p.City, &p.State, &p.RateCenter, &p.LATA, &p.Carrier)
	n.addPlace(id, p)
	return p, err
}

// offerNamed is what an offer id stands for, as placeNamed.
func (n *names) offerNamed(id shelf.OfferID, row func(string, ...any) scanner) (tel.Offer, error) {
	o, ok := known(n, func(n *names) map[shelf.OfferID]tel.Offer { return n.offerOf }, id)
	if ok {
		return o, nil
	}
	err := row(`SELECT features, tier, monthly_cost FROM offer WHERE id = $1`, id).Scan(&o.Features, &o.Tier, &o.MonthlyCost)
	n.addOffer(id, o)
	return o, err
}

// union of two memberships; nil is all 1,000, and stays nil.
func union(a, b *shelf.Bits) *shelf.Bits {
	if a == nil || b == nil {
		return nil
	}
	u := *a
	for i := range u {
		u[i] |= b[i]
	}
	if u == shelf.Full() {
		return nil
	}
	return &u
}

func memberCount(m *shelf.Bits) int64 {
	if m == nil {
		return tel.BlockSize
	}
	return int64(m.Count())
}

func encodeMembers(m *shelf.Bits) []byte {
	if m == nil || *m == shelf.Full() {
		return nil
	}
	b := make([]byte, 0, 8*len(m))
	for _, w := range m {
		b = binary.LittleEndian.AppendUint64(b, w)
	}
	return b
}

func decodeMembers(b []byte) (*shelf.Bits, error) {
	if b == nil {
		return nil, nil
	}
	var m shelf.Bits
	if len(b) != 8*len(m) {
		return nil, fmt.Errorf("a block's members are %d bytes", len(b))
	}
	for i := range m {
		m[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	return &m, nil
}

func (w *blockWriter) putTNOffers() error {
	for _, o := range w.own {
		offer, err := w.offerID(w.names, o.Offer)
		if err != nil {
			return err
		}
		if _, err := w.exec(`INSERT INTO tn_offer (tn, offer_id) VALUES ($1, $2) ON CONFLICT (tn) DO UPDATE SET offer_id = excluded.offer_id`, int64(o.TN), int64(offer)); err != nil {
			return err
		}
	}
	return nil
}

// Loading the shelf.

// Blocks that lie close together, longSpan of them or more, are read by the first and the
// last: a key costs more than a row that nobody asked for. Others are read by their
// numbers, many together.
const (
	longSpan = 100
	farApart = 500
	sparse   = 16 // of so many only one is asked for
)

// between is how inSpans asks for blocks that lie close together.
const between = `BETWEEN $1 AND $2`

// inSpans runs fn over the blocks of some spans, which are joined, and perhaps over some
// that lie between them; is completes "id …".
func inSpans(spans [][2]tel.Block, fn func(is string, args []any) error) error {
	var few []tel.Block
	for len(spans) > 0 {
		n, blocks := 0, tel.Block(0)
		for n < len(spans) && (n == 0 || spans[n][0]-spans[n-1][1] < farApart) {
			blocks += spans[n][1] - spans[n][0] + 1
			n++
		}
		first, last := spans[0][0], spans[n-1][1]
		if blocks >= longSpan && last-first < sparse*blocks {
			if err := fn(between, []any{int64(first), int64(last)}); err != nil {
				return err
			}
			n, spans = 0, spans[n:]
		}
		for _, span := range spans[:n] {
			for b := span[0]; b <= span[1]; b++ {
				few = append(few, b)
			}
		}
		spans = spans[n:]
	}
	return inBites(keys(few), fn)
}

// joined are the same blocks in as few spans as there can be.
func joined(spans [][2]tel.Block) (out [][2]tel.Block) {
	slices.SortFunc(spans, func(a, b [2]tel.Block) int { return cmp.Compare(a[0], b[0]) })
	for _, span := range spans {
		if n := len(out); n > 0 && span[0] <= out[n-1][1]+1 {
			out[n-1][1] = max(out[n-1][1], span[1])
		} else {
			out = append(out, span)
		}
	}
	return out
}

func spansOf(blocks []intake.Block) [][2]tel.Block {
	spans := make([][2]tel.Block, len(blocks))
	for i, b := range blocks {
		spans[i] = [2]tel.Block{b.Block, b.Block}
	}
	return joined(spans)
}

func eachBlock(spans [][2]tel.Block, query func(string, ...any) (results, error), fn func(shelf.Block)) error {
	return inSpans(spans, func(is string, args []any) error {
		rows, err := query(`SELECT id, place_id, offer_id, members FROM block WHERE id `+is, args...)
		return eachRow(rows, err, func(row scanner) error {
			b, err := scanBlock(row)
			fn(b)
			return err
		})
	})
}

// eachTNOffer walks the TNs of some blocks that have offers of their own.
func eachTNOffer(spans [][2]tel.Block, query func(string, ...any) (results, error), fn func(tel.Number, shelf.OfferID)) error {
	return inSpans(spans, func(is string, args []any) error {
		offers := `SELECT o.tn, o.offer_id FROM block b JOIN tn_offer o ON o.tn BETWEEN b.id * 1000 AND b.id * 1000 + 999 WHERE b.id ` + is
		if is == between {
			offers = `SELECT tn, offer_id FROM tn_offer WHERE tn BETWEEN CAST($1 AS BIGINT) * 1000 AND CAST($2 AS BIGINT) * 1000 + 999`
		}
		rows, err := query(offers, args...)
		return eachRow(rows, err, func(row scanner) error {
			var tn tel.Number
			var offer shelf.OfferID
			err := row.Scan(&tn, &offer)
			fn(tn, offer)
			return err
		})
	})
}

func scanBlock(row scanner) (shelf.Block, error) {
	var b shelf.Block
	var members []byte
	err := row.Scan(&b.Block, &b.Place, &b.Offer, &members)
	if err == nil {
		b.Members, err = decodeMembers(members)
	}
	return b, err
}

// lastBlock is beyond all; a thousand times as much is still a number.
const lastBlock = tel.Block(1 << 52)

// loadShelf reads the inventory and what is not free, at one moment of the database.
func (s *Store) loadShelf(ctx context.Context) error {
	tx, err := s.read.snapshot(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var last int64
	if err := tx.QueryRowContext(ctx, `SELECT COALESCE(MAX(seq), 0) FROM event`).Scan(&last); err != nil {
		return err
	}
	s.applied.Store(last)
	if err := s.putBlocks(ctx, tx, [][2]tel.Block{{0, lastBlock}}); err != nil {
		return err
	}
	if err := s.takeAll(ctx, tx, `SELECT h.tn AS tn, r.expires_at AS until FROM hold h JOIN reservation r ON r.seq = h.reservation WHERE h.tn`); err != nil {
		return err
	}
	if err := s.takeAll(ctx, tx, `SELECT tn, COALESCE(until, 0) AS until FROM tn_state WHERE tn`); err != nil {
		return err
	}
	s.followed.Store(time.Now()) // a stopwatch
	return nil
}

// takeAtOnce is how many TNs are read as one text: a row costs more than what is in it.
const takeAtOnce = 10_000

// takeAll takes what a query finds off the shelf: until a time, or for 0 until somebody
// says.
func (s *Store) takeAll(ctx context.Context, q querier, tns string) error {
	for n, last := takeAtOnce, int64(0); n == takeAtOnce; {
		rows, err := q.QueryContext(ctx, `SELECT COUNT(*), COALESCE(MAX(tn), 0), COALESCE(string_agg(CAST(tn AS TEXT) || ' ' || CAST(until AS TEXT), ','), '')
			FROM (`+tns+` > $1 ORDER BY tn LIMIT `+strconv.Itoa(takeAtOnce)+`) AS found`, last)
		err = eachRow(rows, err, func(row scanner) error {
			var text string
			if err := row.Scan(&n, &last, &text); err != nil {
				return err
			}
			return s.takeThese(text)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) takeThese(text string) error {
	for text != "" {
		var one string
		one, text, _ = strings.Cut(text, ",")
		number, until, _ := strings.Cut(one, " ")
		tn, err1 := strconv.ParseInt(number, 10, 64)
		at, err2 := strconv.ParseInt(until, 10, 64)
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		if at == 0 {
			s.shelf.Take(tel.Number(tn))
		} else {
			s.shelf.TakeUntil(tel.Number(tn), time.UnixMicro(at))
		}
	}
	return nil
}

// putBlocks brings some blocks onto the shelf, together: each time rebuilds its index.
func (s *Store) putBlocks(ctx context.Context, q querier, spans [][2]tel.Block) error {
	query := func(sql string, args ...any) (results, error) { return q.QueryContext(ctx, sql, args...) }
	err := inSpans(spans, func(is string, args []any) error {
		return s.eachPlace(ctx, q, s.shelf.SetPlace, placesOf(is), args...)
	})
	if err != nil {
		return err
	}
	if err := s.eachOffer(ctx, q, s.shelf.SetOffer); err != nil {
		return err
	}
	var blocks []shelf.Block
	if err := eachBlock(spans, query, func(b shelf.Block) { blocks = append(blocks, b) }); err != nil {
		return err
	}
	s.shelf.PutBlocks(blocks)
	return eachTNOffer(spans, query, s.shelf.SetTNOffer)
}

func lastTN(b tel.Block) tel.Number { return b.Number(tel.BlockSize - 1) }

// Searching.

// Search finds free TNs that match. It reserves nothing: two searchers may be shown
// the same TN, and Reserve decides.
func (s *Store) Search(ctx context.Context, actor tel.Actor, q tel.Query) (tel.Found, error) {
	if !actor.Can(tel.ActSearch) {
		return tel.Found{}, tel.Forbidden(tel.ActSearch)
	}
	if err := ctx.Err(); err != nil {
		return tel.Found{}, err
	}
	return s.shelf.Search(q, s.Now())
}

// Shelf is what is free, for what needs no check: names of places, seeds, sizes.
func (s *Store) Shelf() *shelf.Shelf { return s.shelf }

// Summary adds up the inventory by a dimension.
func (s *Store) Summary(actor tel.Actor, by shelf.Dimension, within tel.Query) ([]shelf.Row, error) {
	if err := mayManageInventory(actor); err != nil {
		return nil, err
	}
	return s.shelf.Summary(by, within, s.Now()), nil
}

// Disable takes a TN that is available off the market until Enable.
func (s *Store) Disable(ctx context.Context, actor tel.Actor, tn tel.Number) error {
	return s.change(ctx, actor, func(t *tx) error {
		st, err := t.tnState(tn)
		if err != nil {
			return err
		}
		if err := st.State.To(tel.TNDisabled); err != nil {
			return tnRefusal(tn, st.State, tel.TNDisabled)
		}
		if err := t.writeDown([]standing{st}); err != nil {
			return err
		}
		if _, err := t.exec(`INSERT INTO tn_state (tn, state, since) VALUES ($1, $2, $3)
			ON CONFLICT (tn) DO UPDATE SET state = excluded.state, since = excluded.since, until = NULL, account_id = NULL, order_seq = NULL`, int64(tn), string(tel.TNDisabled), micros(t.now)); err != nil {
			return err
		}
		t.event(tel.EventDisabled, 0, 0, tel.Facts{TNs: []tel.Number{tn}})
		return nil
	})
}

// Enable offers a disabled TN again.
func (s *Store) Enable(ctx context.Context, actor tel.Actor, tn tel.Number) error {
	return s.change(ctx, actor, func(t *tx) error {
		st, err := t.tnState(tn)
		if err != nil {
			return err
		}
		if st.State != tel.TNDisabled {
			return tnRefusal(tn, st.State, tel.TNAvailable)
		}
		if _, err := t.exec(`DELETE FROM tn_state WHERE tn = $1`, int64(tn)); err != nil {
			return err
		}
		t.event(tel.EventEnabled, 0, 0, tel.Facts{TNs: []tel.Number{tn}})
		return nil
	})
}

func tnRefusal(tn tel.Number, is, wanted tel.TNState) error {
	return tel.About(tn, tel.CodeNotAvailable, "%s is %s and cannot become %s.", tn, is, wanted)
}

// tnState is a TN's standing now, for those who may see all of it.
func (t *tx) tnState(tn tel.Number) (standing, error) {
	if err := mayManageInventory(t.actor); err != nil {
		return standing{}, err
	}
	if _, _, known := t.store.shelf.Has(tn); !known {
		return standing{}, tel.NotFound()
	}
	return t.standing(tn)
}
