// Package compactiontest holds what the tests of logs and of programs on them share:
//
//   - [TestLog], the suite that every driver of compaction.Log passes unchanged;
//   - [Fault], a log that fails when and how a test says;
//   - [Start], an engine on the embedded log in a temporary folder;
//   - [FuzzForms], which gives bytes of any kind to what reads stored forms.
//
// The suite asks for no more than the contract: no order between topics, no single position over
// all topics, no particular number of groups in a batch. It does not test what only one driver
// has, such as lock files, crashes and the cleaning of its storage.
package compactiontest
