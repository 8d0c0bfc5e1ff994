package bandwidth

import "tnreserve/store/tel"

// Routes are the site map's methods and patterns.
func Routes() (list [][2]string) {
	for _, r := range routes {
		list = append(list, [2]string{r.method, r.pattern})
	}
	return list
}

// Row is what a table says of a code.
type Row struct {
	Status, Code int
	Text         string
}

// Tables are the error tables by kind.
func Tables() map[string]map[tel.Code]Row {
	tables := map[string]map[tel.Code]Row{}
	for _, k := range []*kind{&reservationKind, &resourceKind, &searchKind, &orderKind, &otherKind} {
		tables[k.name] = map[tel.Code]Row{}
		for code, r := range k.table {
			tables[k.name][code] = Row{r.status, r.code, r.text}
		}
	}
	return tables
}

// Element is the reader's.
type Element = element

// ReadXML is the reader.
var ReadXML = readXML

// Name, Text and Children show an element.
func (e *element) Name() string         { return e.name }
func (e *element) Text() string         { return e.text }
func (e *element) Children() []*Element { return e.children }

// The limits of a body.
const (
	MaxBody       = maxBody
	MaxTokens     = maxTokens
	MaxDepth      = maxDepth
	MaxAttributes = maxAttributes
)
