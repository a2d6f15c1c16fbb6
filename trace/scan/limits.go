package scan

import "time"

// Every number that bounds or judges scans stands here, with its reason.
const (
	// Window is how long after a counted scan the same device does not count
	// again: reloading, going back and showing it to a friend are one look.
	Window = 30 * time.Minute

	// MaxDevices bounds the devices that a record tells apart. An item that so
	// many have scanned has said all that devices can say.
	MaxDevices = 64

	// MaxCities bounds the cities of a record: more would not be shown.
	MaxCities = 16

	// maxEarly bounds the times that are kept of first scans. Only they can lie
	// before the sale; one would do, several tell a habit from a slip.
	maxEarly = 8

	// maxName bounds the name of a city in one language, in bytes: the longest
	// names of places are under a hundred.
	maxName = 128

	// maxNodes bounds the shares of a tally. A charter names fewer nodes.
	maxNodes = 4096

	// MaxShare bounds what one node's count adds to a tally. Nobody scans one item
	// so often; whoever says more gains nothing by it.
	MaxShare = 1_000_000

	// maxAhead is how far the clock of another node may be ahead, in ms.
	maxAhead = 10 * 60 * 1000

	// maxEncoded bounds an encoded record or tally before it is decoded.
	maxEncoded = 1 << 20

	// DefaultThreshold is from how many scans of one code it is looked at, where
	// the product does not say: a household shows its purchase around, and a
	// copied label is scanned without end.
	DefaultThreshold = 30

	// Fewer devices than this are one household's, whatever the threshold.
	minDeviceThreshold = 3

	// maxSpeed is faster than any airliner, in km/h, and minJump farther than
	// networks put a phone from where it is, in km: mobile operators often show
	// the capital of the province.
	maxSpeed = 1000
	minJump  = 500

	// slack is by how much a scan must differ from the records, since labels are
	// tried at the line and goods handed over before somebody types it in.
	slack = time.Hour

	// habit is from how many scans in a warehouse they are no slip any more.
	habit = 2
)
