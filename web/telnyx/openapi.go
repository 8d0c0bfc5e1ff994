package telnyx

import _ "embed"

// openAPI is the door in the words of OpenAPI 3, written by hand; a test compares it
// with the routes and with real answers.
//
//go:embed openapi.json
var openAPI []byte

// OpenAPI is the document that GET /v2/openapi.json answers, for a page that shows it.
func OpenAPI() []byte { return append([]byte(nil), openAPI...) }

func (c *call) openAPI() error {
	c.write(200, openAPI)
	return nil
}
