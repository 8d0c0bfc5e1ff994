package views

import "tnreserve/store/tel"

// Shop is an account's storefront.
type Shop struct {
	Shop  *tel.Shop
	Path  string // /shop/{slug}
	Form  SearchForm
	Rows  []SearchRow
	Total string
	Other string    // address of another page of the same, "" none
	Left  Countdown // of what this browser holds
	Back  string    // address of this very page
}

func (v Shop) held() string { return v.Shop.Holding.Items[0].TN.String() }
