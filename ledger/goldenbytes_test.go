package ledger_test

// The golden bytes of every CBOR format, one field a line. They were read
// against the tables of the package comment; a change of any of them breaks
// every ledger that exists.

// A record with every field.
const goldenRecordBytes = `
	ae  // map of 14
	  01181a  // 1 kind: 26
	  0258201111111111111111111111111111111111111111111111111111111111111111  // 2 network: 32 bytes
	  0302  // 3 chain: 2
	  04627768  // 4 member: "wh"
	  05542222222222222222222222222222222222222222  // 5 signer: 20 bytes
	  061b0000019ca6b1dc00  // 6 at, ms: 1772323200000
	  0738d1  // 7 zone, minutes east: -210
	  085033333333333333333333333333333333  // 8 nonce: 16 bytes
	  0969636172726965722d37  // 9 party: "carrier-7"
	  0a66646f636b2d31  // 10 place: "dock-1"
	  0ba3  // 11 fields: map of 3
	    0107  // 1: 7
	    026473616c65  // 2: "sale"
	    19012c420102  // 300: 2 bytes
	  0c5820aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa  // 12 subjects root: 32 bytes
	  0d82  // 13 sdm: array of 2
	    5820b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0  // 32 bytes
	    5820b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1  // 32 bytes
	  0e81  // 14 sdx: array of 1
	    5820c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0  // 32 bytes
`

// A record with the fewest fields, of a kind that the format has no name for.
const goldenNamedBytes = `
	a9  // map of 9
	  011840  // 1 kind: 64
	  0258201111111111111111111111111111111111111111111111111111111111111111  // 2 network: 32 bytes
	  0319012c  // 3 chain: 300
	  04666c616e7a6869  // 4 member: "lanzhi"
	  05542222222222222222222222222222222222222222  // 5 signer: 20 bytes
	  0601  // 6 at, ms: 1
	  071901e0  // 7 zone, minutes east: 480
	  085033333333333333333333333333333333  // 8 nonce: 16 bytes
	  0f67637573746f6d73  // 15 kind name: "customs"
`

// A disclosure whose audience is a number.
const goldenDisclosureBytes = `
	84  // array of 4
	  5044444444444444444444444444444444  // salt: 16 bytes
	  03  // audience: 3
	  03  // path: 3
	  6773746f72652d31  // value: "store-1"
`

// A disclosure for listed members, with a value of every type.
const goldenPartiesBytes = `
	84  // array of 4
	  5045454545454545454545454545454545  // salt: 16 bytes
	  82  // audience: array of 2
	    656175646974  // "audit"
	    666c616e7a6869  // "lanzhi"
	  1818  // path: 24
	  840163e7aeb1f5a10120  // value
`

// A subject leaf.
const goldenLeafBytes = `
	82  // array of 2
	  5055555555555555555555555555555555  // salt: 16 bytes
	  85011b00000646d1a28ad401001a0098967f  // subject
`

// A sidecar: disclosures, then subject leaves, each as a byte string.
const goldenSidecarBytes = `
	a2  // map of 2
	  0181  // 1 disclosures: array of 1
	    581c  // 28 bytes
	      84  // array of 4
	        5044444444444444444444444444444444  // salt: 16 bytes
	        03  // audience: 3
	        03  // path: 3
	        6773746f72652d31  // value: "store-1"
	  0281  // 2 leaves: array of 1
	    5824  // 36 bytes
	      82  // array of 2
	        5055555555555555555555555555555555  // salt: 16 bytes
	        85011b00000646d1a28ad401001a0098967f  // subject
`

// The payload of a frontier entry.
const goldenFrontierBytes = `
	82  // array of 2
	  83  // array of 3
	    01  // chain: 1
	    02  // size: 2
	    58206666666666666666666666666666666666666666666666666666666666666666  // root: 32 bytes
	  83  // array of 3
	    19012c  // chain: 300
	    1a00011170  // size: 70000
	    58206767676767676767676767676767676767676767676767676767676767676767  // root: 32 bytes
`

// The payload of a charter entry.
const goldenCharterRefBytes = `
	a2  // map of 2
	  0101  // 1 version: 1
	  0258207777777777777777777777777777777777777777777777777777777777777777  // 2 hash: 32 bytes
`

// A charter entry, the first of its chain.
const goldenCharterEntryBytes = `
	a4  // map of 4
	  0103  // 1 kind: 3
	  0258200000000000000000000000000000000000000000000000000000000000000000  // 2 prev: 32 bytes
	  031b0000019ca6b1dc00  // 3 time, ms: 1772323200000
	  045826  // 4 payload: 38 bytes
	    a2  // map of 2
	      0101  // 1 version: 1
	      0258207777777777777777777777777777777777777777777777777777777777777777  // 2 hash: 32 bytes
`

// A frontier entry.
const goldenFrontierEntryBytes = `
	a4  // map of 4
	  0102  // 1 kind: 2
	  0258208888888888888888888888888888888888888888888888888888888888888888  // 2 prev: 32 bytes
	  031b0000019ca6b1dc01  // 3 time, ms: 1772323200001
	  045851  // 4 payload: 81 bytes
	    82  // array of 2
	      83  // array of 3
	        01  // chain: 1
	        02  // size: 2
	        58206666666666666666666666666666666666666666666666666666666666666666  // root: 32 bytes
	      83  // array of 3
	        19012c  // chain: 300
	        1a00011170  // size: 70000
	        58206767676767676767676767676767676767676767676767676767676767676767  // root: 32 bytes
`

// A record entry with its signature.
const goldenRecordEntryBytes = `
	a5  // map of 5
	  0101  // 1 kind: 1
	  0258209999999999999999999999999999999999999999999999999999999999999999  // 2 prev: 32 bytes
	  031b0000019ca6b1dc02  // 3 time, ms: 1772323200002
	  04586a  // 4 payload: 106 bytes
	    a9  // map of 9
	      011840  // 1 kind: 64
	      0258201111111111111111111111111111111111111111111111111111111111111111  // 2 network: 32 bytes
	      0319012c  // 3 chain: 300
	      04666c616e7a6869  // 4 member: "lanzhi"
	      0554ea0e60d8d631fde851ddedccd98d7e6345ba757e  // 5 signer: 20 bytes
	      0601  // 6 at, ms: 1
	      071901e0  // 7 zone, minutes east: 480
	      085033333333333333333333333333333333  // 8 nonce: 16 bytes
	      0f67637573746f6d73  // 15 kind name: "customs"
	  055841  // 5 signature: 65 bytes
	    93fc87e4a7a46188f8841636e0092176fe95c326c38677fa9285129c1465d31f
	    3ecf5a829398e643828c8de513f2d7fb023112dd017368636447d092fa0b12fc
	    1b
`

// A charter body of a later version, with every field.
const goldenCharterBytes = `
	a8  // map of 8
	  0102  // 1 version: 2
	  026b6c616e7a68692d74657374  // 2 network name: "lanzhi-test"
	  0358201010101010101010101010101010101010101010101010101010101010101010  // 3 previous: 32 bytes
	  0482  // 4 members: array of 2
	    a8  // member: map of 8
	      01666c616e7a6869  // 1 slug: "lanzhi"
	      0266e585b0e88ab7  // 2 name zh: "兰芷"
	      03664c616e7a6869  // 3 name en: "Lanzhi"
	      04656272616e64  // 4 role: "brand"
	      0582  // 5 admins: array of 2
	        540101010101010101010101010101010101010101  // 20 bytes
	        540202020202020202020202020202020202020202  // 20 bytes
	      0681  // 6 prefixes: array of 1
	        6736393031323334  // "6901234"
	      0781  // 7 gtins: array of 1
	        1b00000646d1a28ad4  // 6901234567892
	      0881  // 8 revoked: array of 1
	        540303030303030303030303030303030303030303  // 20 bytes
	    a5  // member: map of 5
	      01627768  // 1 slug: "wh"
	      0266e4b89ce4bb93  // 2 name zh: "东仓"
	      036445617374  // 3 name en: "East"
	      046977617265686f757365  // 4 role: "warehouse"
	      0581  // 5 admins: array of 1
	        540404040404040404040404040404040404040404  // 20 bytes
	  0581  // 5 cosigners: array of 1
	    a3  // cosigner: map of 3
	      01666c616e7a6869  // 1 member: "lanzhi"
	      0258202020202020202020202020202020202020202020202020202020202020202020  // 2 witness key: 32 bytes
	      0301  // 3 node: 1
	  0682  // 6 nodes: array of 2
	    a6  // node: map of 6
	      0101  // 1 number: 1
	      02666c616e7a6869  // 2 member: "lanzhi"
	      0358202121212121212121212121212121212121212121212121212121212121212121  // 3 log key: 32 bytes
	      0469313244334b6f6f5741  // 4 peer id: "12D3KooWA"
	      0581  // 5 addresses: array of 1
	        772f6970342f3132372e302e302e312f7463702f34303031  // "/ip4/127.0.0.1/tcp/4001"
	      067668747470733a2f2f6c616e7a68692e6578616d706c65  // 6 url: "https://lanzhi.example"
	    a4  // node: map of 4
	      0103  // 1 number: 3
	      02627768  // 2 member: "wh"
	      0358202222222222222222222222222222222222222222222222222222222222222222  // 3 log key: 32 bytes
	      0469313244334b6f6f5742  // 4 peer id: "12D3KooWB"
	  0781  // 7 ended: array of 1
	    a3  // chain: map of 3
	      0102  // 1 chain: 2
	      0209  // 2 size: 9
	      0358203030303030303030303030303030303030303030303030303030303030303030  // 3 root: 32 bytes
	  08a4  // 8 settings: map of 4
	    01f5  // 1 public entries: true
	    021848  // 2 late hours: 72
	    0381  // 3 default members: array of 1
	      666c616e7a6869  // "lanzhi"
	    0481  // 4 filings: array of 1
	      6de6b2aa494350e5a48731e58fb7  // "沪ICP备1号"
`

// A signed charter as nodes store and send it.
const goldenSignedCharterBytes = `
	82  // array of 2
	  5901fe  // body: 510 bytes
	    a8  // map of 8
	      0102  // 1 version: 2
	      026b6c616e7a68692d74657374  // 2 network name: "lanzhi-test"
	      0358201010101010101010101010101010101010101010101010101010101010101010  // 3 previous: 32 bytes
	      0482  // 4 members: array of 2
	        a8  // member: map of 8
	          01666c616e7a6869  // 1 slug: "lanzhi"
	          0266e585b0e88ab7  // 2 name zh: "兰芷"
	          03664c616e7a6869  // 3 name en: "Lanzhi"
	          04656272616e64  // 4 role: "brand"
	          0582  // 5 admins: array of 2
	            540101010101010101010101010101010101010101  // 20 bytes
	            540202020202020202020202020202020202020202  // 20 bytes
	          0681  // 6 prefixes: array of 1
	            6736393031323334  // "6901234"
	          0781  // 7 gtins: array of 1
	            1b00000646d1a28ad4  // 6901234567892
	          0881  // 8 revoked: array of 1
	            540303030303030303030303030303030303030303  // 20 bytes
	        a5  // member: map of 5
	          01627768  // 1 slug: "wh"
	          0266e4b89ce4bb93  // 2 name zh: "东仓"
	          036445617374  // 3 name en: "East"
	          046977617265686f757365  // 4 role: "warehouse"
	          0581  // 5 admins: array of 1
	            540404040404040404040404040404040404040404  // 20 bytes
	      0581  // 5 cosigners: array of 1
	        a3  // cosigner: map of 3
	          01666c616e7a6869  // 1 member: "lanzhi"
	          0258202020202020202020202020202020202020202020202020202020202020202020  // 2 witness key: 32 bytes
	          0301  // 3 node: 1
	      0682  // 6 nodes: array of 2
	        a6  // node: map of 6
	          0101  // 1 number: 1
	          02666c616e7a6869  // 2 member: "lanzhi"
	          0358202121212121212121212121212121212121212121212121212121212121212121  // 3 log key: 32 bytes
	          0469313244334b6f6f5741  // 4 peer id: "12D3KooWA"
	          0581  // 5 addresses: array of 1
	            772f6970342f3132372e302e302e312f7463702f34303031  // "/ip4/127.0.0.1/tcp/4001"
	          067668747470733a2f2f6c616e7a68692e6578616d706c65  // 6 url: "https://lanzhi.example"
	        a4  // node: map of 4
	          0103  // 1 number: 3
	          02627768  // 2 member: "wh"
	          0358202222222222222222222222222222222222222222222222222222222222222222  // 3 log key: 32 bytes
	          0469313244334b6f6f5742  // 4 peer id: "12D3KooWB"
	      0781  // 7 ended: array of 1
	        a3  // chain: map of 3
	          0102  // 1 chain: 2
	          0209  // 2 size: 9
	          0358203030303030303030303030303030303030303030303030303030303030303030  // 3 root: 32 bytes
	      08a4  // 8 settings: map of 4
	        01f5  // 1 public entries: true
	        021848  // 2 late hours: 72
	        0381  // 3 default members: array of 1
	          666c616e7a6869  // "lanzhi"
	        0481  // 4 filings: array of 1
	          6de6b2aa494350e5a48731e58fb7  // "沪ICP备1号"
	  81  // signatures: array of 1
	    83  // array of 3
	      666c616e7a6869  // member: "lanzhi"
	      54756ff21e11515e3991878247c83edf9ee13935e6  // address: 20 bytes
	      5841  // signature: 65 bytes
	        7a56fe04e8d1971bef4acefa0038f9f491f6812313c95520c2c4603bb692d800
	        2a94a245395abf6fe9056250bc650c4863c9c62a80e19b5f304094be94f5dbc7
	        1b
`

// The stored state of a chain.
const goldenStateBytes = `
	a8  // map of 8
	  0103  // 1 size: 3
	  0258204040404040404040404040404040404040404040404040404040404040404040  // 2 prev: 32 bytes
	  031b0000019ca6b1dc00  // 3 time, ms: 1772323200000
	  0401  // 4 kind of the newest entry: 1
	  0501  // 5 charter version: 1
	  0682  // 6 tree: array of 2
	    58204141414141414141414141414141414141414141414141414141414141414141  // 32 bytes
	    58204242424242424242424242424242424242424242424242424242424242424242  // 32 bytes
	  0781  // 7 frontier: array of 1
	    83  // array of 3
	      02  // chain: 2
	      05  // size: 5
	      58204343434343434343434343434343434343434343434343434343434343434343  // root: 32 bytes
	  0882  // 8 charter entries: array of 2
    82 00 01  // position 0 puts version 1 in force
    82 18ff 02  // position 255, version 2
`

// One stored grant.
const goldenGrantBytes = `
	a6  // map of 6
	  0101  // 1 position: 1
	  02540505050505050505050505050505050505050505  // 2 address: 20 bytes
	  0382  // 3 kinds: array of 2
	    03  // 3
	    181a  // 26
	  046773746f72652d31  // 4 party: "store-1"
	  0581  // 5 places: array of 1
	    66646f636b2d31  // "dock-1"
	  0609  // 6 until: 9
`

// The public fields of a grant record.
const goldenGrantFieldsBytes = `
	a2  // map of 2
	  01540505050505050505050505050505050505050505  // 1 address: 20 bytes
	  0282  // 2 kinds: array of 2
	    03  // 3
	    181a  // 26
`
