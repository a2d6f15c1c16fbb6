package web

// maxShared bounds the parts of pages that are kept, in bytes: the pages of some
// two thousand histories, such as those of as many shipments.
const maxShared = 32 << 20
