package main

import (
	"os"
	"path/filepath"
	"testing"

	"tnreserve/store/intake"
)

// Every row of what the benchmark makes is imported.
func TestCountryIsWhole(t *testing.T) {
	name := filepath.Join(t.TempDir(), "country.csv")
	if err := writeCountry(name); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	inv, err := intake.Read(t.Context(), f, intake.Options{})
	if err != nil || inv.RefusedCount > 0 || inv.TNs != countryTNs {
		t.Fatalf("%v: %d TNs, %d rows refused: %v", err, inv.TNs, inv.RefusedCount, inv.Refused)
	}
}
