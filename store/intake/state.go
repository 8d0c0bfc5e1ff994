package intake

import "strings"

// states are the postal codes and names of what a North American TN can be in:
// the states and territories of the US and the provinces of Canada. For the other
// countries of +1 the column stays empty.
const states = `AL Alabama;AK Alaska;AZ Arizona;AR Arkansas;CA California;CO Colorado;CT Connecticut;DE Delaware;` +
	`DC District of Columbia;FL Florida;GA Georgia;HI Hawaii;ID Idaho;IL Illinois;IN Indiana;IA Iowa;KS Kansas;` +
	`KY Kentucky;LA Louisiana;ME Maine;MD Maryland;MA Massachusetts;MI Michigan;MN Minnesota;MS Mississippi;` +
	`MO Missouri;MT Montana;NE Nebraska;NV Nevada;NH New Hampshire;NJ New Jersey;NM New Mexico;NY New York;` +
	`NC North Carolina;ND North Dakota;OH Ohio;OK Oklahoma;OR Oregon;PA Pennsylvania;RI Rhode Island;` +
	`SC South Carolina;SD South Dakota;TN Tennessee;TX Texas;UT Utah;VT Vermont;VA Virginia;WA Washington;` +
	`WV West Virginia;WI Wisconsin;WY Wyoming;` +
	`AS American Samoa;GU Guam;MP Northern Mariana Islands;PR Puerto Rico;VI Virgin Islands;VI U.S. Virgin Islands;` +
	`DC Washington DC;DC Washington D.C.;DC Washington, D.C.;DC Washington, DC;` +
	`AB Alberta;BC British Columbia;MB Manitoba;NB New Brunswick;NL Newfoundland and Labrador;NS Nova Scotia;` +
	`NT Northwest Territories;NU Nunavut;ON Ontario;PE Prince Edward Island;QC Quebec;QC Québec;SK Saskatchewan;YT Yukon`

var stateCodes, stateNames = parseStates()

func parseStates() (codes map[string]bool, names map[string]string) {
	codes, names = map[string]bool{}, map[string]string{}
	for _, s := range strings.Split(states, ";") {
		code, name, _ := strings.Cut(s, " ")
		codes[code] = true
		names[strings.ToUpper(name)] = code
	}
	return codes, names
}
