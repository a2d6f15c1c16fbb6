package api

import "time"

// Every number that protects the server stands here, with its reason.
const (
	// maxBodyBytes bounds a request body. A batch of the ledger is 4 MiB; JSON
	// with hex and Base64 in it is up to twice as long.
	maxBodyBytes = 8 << 20

	// smallBody is up to how many bytes a body is let pass without a look at how many
	// others are under way: as much as the header of a request may have too. Forms,
	// second codes and most single records have less.
	smallBody = 16 << 10

	// maxBodies bounds the bodies that are larger and under way at one time, in bytes,
	// and maxBodiesEach those of one operator, or of all who name no token. What is
	// read of them takes some times as much.
	maxBodies     = 256 << 20
	maxBodiesEach = 64 << 20

	// maxRequestTime is after how long a request has been answered, whatever became of
	// it: its body was read, it was worked on, and the answer was taken.
	maxRequestTime = readTimeout + requestTimeout + writeTimeout

	// maxSubmissions bounds the records of one request: a batch of the ledger.
	maxSubmissions = 4096

	// maxIdempotencyKey bounds the name that a client gives to a request: a UUID has 36
	// characters, and document numbers with dates and sites in them fit too.
	maxIdempotencyKey = 255

	// readBufferBytes bounds request line and header fields together. A Digital
	// Link of 2,048 bytes, cookies and a browser's own fields need half.
	readBufferBytes = 16 << 10

	// A client has this long for sending a request and for taking the answer,
	// and may stay silent for this long between two requests. The body limit
	// over a slow mobile line needs most of a minute.
	readTimeout  = 60 * time.Second
	writeTimeout = 60 * time.Second
	idleTimeout  = 90 * time.Second

	// hangUpEvery is how often somebody who waits for an answer is looked at whether it
	// still does. Most answers are there before the first look.
	hangUpEvery = 250 * time.Millisecond

	// requestTimeout bounds the work on one request. A trail takes
	// milliseconds; an append waits for a disk and perhaps for a batch before it.
	requestTimeout = 15 * time.Second

	// maxClients bounds the clients whose rates are remembered, per kind of
	// limit: some 200 bytes each. Who is forgotten starts afresh.
	maxClients = 8192

	// An IPv6 site is what a hoster or provider gives one customer at most, and
	// siteShare how many clients of it may do as much as they may at one time: some
	// providers give out /64s of one site to many.
	siteBits  = 48
	siteShare = 32

	// A client may fetch this many absence proofs at once and then one each
	// interval. Each reveals two of the up to 10^7 elements of a pack; honest
	// people see one in their lives, and many share an address.
	absenceBurst = 20
	absenceEvery = 3 * time.Second

	// A client may present this many wrong tokens or bad signatures at once and
	// then one each interval. Tokens have 128 bits or more: this keeps noise
	// away rather than guessers.
	failureBurst = 20
	failureEvery = 6 * time.Second

	// A client may send this many second codes at once and then one each
	// interval. The issuing node holds up guesses at one code; this is for one
	// client with many codes, and lets a family try what they have bought.
	claimBurst = 20
	claimEvery = 6 * time.Second

	// maxTokenBytes bounds a bearer token before it is hashed.
	maxTokenBytes = 512

	// maxAcceptLanguage bounds the header that is parsed, in bytes: parsing takes
	// more than linear time, and browsers send under a hundred.
	maxAcceptLanguage = 512

	// maxLinksShown bounds the brand's links on a page: more are no help to people,
	// and all stand in the linkset.
	maxLinksShown = 12

	// maxRoute bounds the places on the line that says where goods came through; a
	// longer way is told by the timeline.
	maxRoute = 8

	// maxPage bounds the elements of one answer with a list.
	maxPage = 500

	// usualRetry is when to try again where nothing better is known.
	usualRetry = 5 * time.Second

	// maxStreams bounds the streams of events that are open at once, each with a
	// connection and some kilobytes, and maxStreamsEach those of one operator: an
	// ERP, its spare, and somebody who looks on.
	maxStreams     = 256
	maxStreamsEach = 16

	// heartbeat is how often a silent stream says something: proxies close what is
	// silent for a minute, and a reader who has gone is noticed only so.
	heartbeat = 15 * time.Second

	// eventsRetry is after how long a reader whose stream has ended comes back.
	eventsRetry = 3 * time.Second

	// maxInput bounds what is typed into a field of the form, in bytes; GS1
	// allows 20 characters for a serial, and people add spaces.
	maxInput = 64
)
