// Package compaction keeps state as keyed records in a log of compacted topics, and materialises
// them into a local store that can be thrown away at any time.
package compaction
