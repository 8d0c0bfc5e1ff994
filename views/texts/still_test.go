package texts

// stillEnglish are page families that are not in the reader's language yet.
var stillEnglish = []string{
	"reservations.templ", "orders.templ", "lookup.templ", "clients.templ", "inventory.templ", "imports.templ", "accounts.templ", "export.templ",
	"purchase.templ", "shop.templ", "selling.templ", "reports.templ", "webhooks.templ", "people.templ", "invitations.templ", "links.templ",
}
