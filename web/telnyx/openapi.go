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

// publicKey is what webhooks are checked with. It is no secret.
func (c *call) publicKey() error {
	key, err := c.store.WebhookPublicKey(c.r.Context())
	if err != nil {
		return err
	}
	return c.answer(200, data{Data: struct {
		RecordType string `json:"record_type"`
		Public     string `json:"public"`
	}{"public_key", key}})
}
