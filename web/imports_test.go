package web_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"tnreserve/store"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

// node is another node on the same database.
func (s *site) node() *site {
	s.t.Helper()
	other, err := store.Open(ctx, store.Config{DB: s.Path, Now: s.Clock.Now})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { other.Close() })
	return serve(s.t, &storetest.Store{Store: other, Clock: s.Clock, Path: s.Path}, "")
}

// at is the same browser, sent to another node.
func (v *visitor) at(s *site) *visitor {
	there := *v
	there.site = s
	return &there
}

const threeRows = "tn,city,state,rate_center\n3035551000,Denver,CO,DENVER\n2115551234,X,CO,X\n3035551001,Denver,CO,DENVER\n"

// Behind a balancer each request may reach another node.
func TestImportOnTwoNodes(t *testing.T) {
	one := open(t)
	two := one.node()
	here := one.as("operator")
	there := here.at(two)
	path := here.upload("numbers.csv", threeRows).url.Path
	preview := there.want(200, path)
	preview.says(".a-tiles", "Accepted2").says(".a-bad tbody", "N11").says("h1", "numbers.csv")
	there.want(200, "/inventory/import").says(".note", "numbers.csv")
	var presses sync.WaitGroup
	for i := range 6 {
		v := []*visitor{here, there}[i%2]
		presses.Go(func() { v.post(path+"/confirm", nil).is(200) })
	}
	presses.Wait()
	for _, v := range []*visitor{there, here} {
		waitFor(t, "the import", func() bool { return v.want(200, path).doc().Find("#import-progress").Length() == 0 })
		v.want(200, path).says("#outcome[role=status]", "1 new, 0 changed").says("#import", "1 row refused")
	}
	if n := one.one(`SELECT COUNT(*) FROM event WHERE kind = 'inventory.imported' AND seq > 1`); n != "1" {
		t.Errorf("%s imports in the history", n)
	}
	gone := here.upload("numbers.csv", threeRows).url.Path
	there.post(gone+"/discard", nil).says(".toast", "nothing was written")
	here.post(gone+"/confirm", nil).says("#outcome", "Discarded")
	if a := two.as("acme-admin").get(path); a.status != 403 {
		t.Errorf("an account's admin: %d", a.status)
	}
}

// What a node wrote before it died stays, and the page says how far it came; it is run
// again on another.
func TestImportCutOff(t *testing.T) {
	one := open(t)
	two := one.node()
	here := one.as("operator")
	there := here.at(two)

	dead := here.upload("numbers.csv", threeRows).url.Path
	u, err := one.Upload(ctx, root, dead[strings.LastIndex(dead, "/")+1:])
	if err == nil {
		_, err = one.StartUpload(ctx, root, u) // and nobody runs it
	}
	if err != nil {
		t.Fatal(err)
	}
	there.want(200, dead).has("#import-progress").has("#import[data-again]").has("#outcome[role=status]")
	one.Clock.Add(time.Minute + time.Second)
	there.want(200, "/inventory/import").says(".note", "can be run again")
	there.want(200, dead).says("#outcome", "0 of 1 block written. What was written stays.").has("#confirm")
	there.post(dead+"/confirm", nil)
	waitFor(t, "the import", func() bool { return here.want(200, dead).doc().Find(".note[data-kind=ok]").Length() == 1 })

	file := "npa,nxx\n"
	for nxx := range 300 {
		if nxx%100 != 11 {
			file += fmt.Sprintf("307,%d\n", 200+nxx)
		}
	}
	mend := one.breaks(`INSERT ON block WHEN (SELECT COUNT(*) FROM block) > 2500`)
	broken := here.upload("numbers.csv", file).url.Path
	here.post(broken+"/confirm", nil)
	waitFor(t, "the import", func() bool { return there.want(200, broken).doc().Find("#import-progress").Length() == 0 })
	there.want(200, broken).says("#outcome", "2,000 of 2,970 blocks written").has("#confirm")
	mend()
	there.post(broken+"/confirm", nil)
	waitFor(t, "the import", func() bool { return here.want(200, broken).doc().Find("#import-progress").Length() == 0 })
	here.want(200, broken).says("#outcome", "970 new, 0 changed, 2,000 as they were")
}

// A server that shuts down leaves no import behind that seems to run, those that wait for
// their turn included; and none begins any more. One that waits writes nothing.
func TestImportsEndWithTheServer(t *testing.T) {
	s := open(t)
	operator := s.as("operator")
	var paths []string
	for range 4 {
		paths = append(paths, operator.upload("numbers.csv", threeRows).url.Path)
	}
	ended := func(paths ...string) {
		t.Helper()
		for _, path := range paths {
			if u, err := s.Upload(ctx, root, path[strings.LastIndex(path, "/")+1:]); err != nil || u.State != tel.UploadFailed {
				t.Errorf("%s: %+v %v", path, u, err)
			}
		}
	}
	letGo := s.Server.ReadElsewhere()
	defer letGo()
	for _, path := range paths[:3] {
		operator.post(path+"/confirm", nil)
	}
	before := s.version()
	time.Sleep(2500 * time.Millisecond) // a real clock beats in there
	if s.version() != before {
		t.Error("imports that wait have written to the database")
	}
	s.Server.Drain()
	ended(paths[:3]...)
	operator.post(paths[3]+"/confirm", nil)
	ended(paths[3])
}
