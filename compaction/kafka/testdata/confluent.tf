terraform {
  required_providers {
    confluent = {
      source  = "confluentinc/confluent"
      version = "~> 2.0"
    }
  }
}

# One cluster: it is named, and its keys are given, by the environment variables KAFKA_ID,
# KAFKA_REST_ENDPOINT, KAFKA_API_KEY and KAFKA_API_SECRET; the organization's keys by
# CONFLUENT_CLOUD_API_KEY and CONFLUENT_CLOUD_API_SECRET.
provider "confluent" {}

locals {
  kept_for_720_hours = {
    # every record counts, not only the last one of its key
    "cleanup.policy" = "delete"
    # records are kept for this long, and no longer
    "retention.ms" = "2592000000"
    # however large the topic becomes
    "retention.bytes" = "-1"
    # what is acknowledged is on two disks before it is, where there are two
    "min.insync.replicas" = "2"
    # a group goes as few batches, and the writer makes them up to this size
    "max.message.bytes" = "8388608"
    # the brokers need not write every batch anew to stamp it
    "message.timestamp.type" = "CreateTime"
  }

  kept_for_ever = {
    # every record counts, not only the last one of its key
    "cleanup.policy" = "delete"
    # every record is kept for ever
    "retention.ms" = "-1"
    # however large the topic becomes
    "retention.bytes" = "-1"
    # what is acknowledged is on two disks before it is, where there are two
    "min.insync.replicas" = "2"
    # a group goes as few batches, and the writer makes them up to this size
    "max.message.bytes" = "8388608"
    # the brokers need not write every batch anew to stamp it
    "message.timestamp.type" = "CreateTime"
  }

  compacted_with_tombstones_for_168_hours = {
    # a record is a whole state: the last one of its key is kept, whatever its age
    "cleanup.policy" = "compact"
    # what is open does not end by age (compatible brokers apply this to compacted topics too)
    "retention.ms" = "-1"
    # nor by size
    "retention.bytes" = "-1"
    # a store that was away for less than half of this still meets every tombstone
    "delete.retention.ms" = "604800000"
    # followers read whole states: none has to be kept for them to have seen it
    "min.compaction.lag.ms" = "0"
    # what was superseded or ended, personal data too, is gone from quiet topics as well
    "max.compaction.lag.ms" = "604800000"
    # the segment that is written to is never compacted: in small topics it would be all
    "segment.ms" = "21600000"
    # the same for busy ones, so that a shard that moves has little to replay
    "segment.bytes" = "67108864"
    # what is acknowledged is on two disks before it is, where there are two
    "min.insync.replicas" = "2"
    # a group goes as few batches, and the writer makes them up to this size
    "max.message.bytes" = "8388608"
    # the brokers need not write every batch anew to stamp it
    "message.timestamp.type" = "CreateTime"
  }

  compacted_with_tombstones_for_720_hours = {
    # a record is a whole state: the last one of its key is kept, whatever its age
    "cleanup.policy" = "compact"
    # what is open does not end by age (compatible brokers apply this to compacted topics too)
    "retention.ms" = "-1"
    # nor by size
    "retention.bytes" = "-1"
    # a store that was away for less than half of this still meets every tombstone
    "delete.retention.ms" = "2592000000"
    # followers read whole states: none has to be kept for them to have seen it
    "min.compaction.lag.ms" = "0"
    # what was superseded or ended, personal data too, is gone from quiet topics as well
    "max.compaction.lag.ms" = "604800000"
    # the segment that is written to is never compacted: in small topics it would be all
    "segment.ms" = "21600000"
    # the same for busy ones, so that a shard that moves has little to replay
    "segment.bytes" = "67108864"
    # what is acknowledged is on two disks before it is, where there are two
    "min.insync.replicas" = "2"
    # a group goes as few batches, and the writer makes them up to this size
    "max.message.bytes" = "8388608"
    # the brokers need not write every batch anew to stamp it
    "message.timestamp.type" = "CreateTime"
  }

  topics = {
    "acme.quittance.events.v1"  = local.kept_for_720_hours
    "acme.quittance.journal.v1" = local.kept_for_ever
    "acme.quittance.quotes.v1"  = local.compacted_with_tombstones_for_168_hours
    "acme.quittance.settled.v1" = local.compacted_with_tombstones_for_720_hours
    "acme.quittance.shards.v1"  = local.compacted_with_tombstones_for_168_hours
  }
}

# A partition a shard: the number is fixed for the life of the log.
resource "confluent_kafka_topic" "quittance" {
  for_each         = local.topics
  topic_name       = each.key
  partitions_count = 16
  config           = each.value

  lifecycle {
    prevent_destroy = true
  }
}

resource "confluent_service_account" "quittance" {
  display_name = "quittance"
  description  = "quittance: acme.serve"
}

# reads what is committed, and where it ends
resource "confluent_kafka_acl" "serve_topic_read" {
  resource_type = "TOPIC"
  resource_name = "acme.quittance."
  pattern_type  = "PREFIXED"
  principal     = "User:${confluent_service_account.quittance.id}"
  host          = "*"
  operation     = "READ"
  permission    = "ALLOW"
}

# reads what is committed, and where it ends
resource "confluent_kafka_acl" "serve_topic_describe" {
  resource_type = "TOPIC"
  resource_name = "acme.quittance."
  pattern_type  = "PREFIXED"
  principal     = "User:${confluent_service_account.quittance.id}"
  host          = "*"
  operation     = "DESCRIBE"
  permission    = "ALLOW"
}

# a start looks whether the topics are as they must be
resource "confluent_kafka_acl" "serve_topic_describe_configs" {
  resource_type = "TOPIC"
  resource_name = "acme.quittance."
  pattern_type  = "PREFIXED"
  principal     = "User:${confluent_service_account.quittance.id}"
  host          = "*"
  operation     = "DESCRIBE_CONFIGS"
  permission    = "ALLOW"
}

# appends
resource "confluent_kafka_acl" "serve_topic_write" {
  resource_type = "TOPIC"
  resource_name = "acme.quittance."
  pattern_type  = "PREFIXED"
  principal     = "User:${confluent_service_account.quittance.id}"
  host          = "*"
  operation     = "WRITE"
  permission    = "ALLOW"
}

# claims shards and appends whole groups
resource "confluent_kafka_acl" "serve_transactional_id_write" {
  resource_type = "TRANSACTIONAL_ID"
  resource_name = "acme.quittance-shard-"
  pattern_type  = "PREFIXED"
  principal     = "User:${confluent_service_account.quittance.id}"
  host          = "*"
  operation     = "WRITE"
  permission    = "ALLOW"
}

# claims shards and appends whole groups
resource "confluent_kafka_acl" "serve_transactional_id_describe" {
  resource_type = "TRANSACTIONAL_ID"
  resource_name = "acme.quittance-shard-"
  pattern_type  = "PREFIXED"
  principal     = "User:${confluent_service_account.quittance.id}"
  host          = "*"
  operation     = "DESCRIBE"
  permission    = "ALLOW"
}

# nodes share the shards between them
resource "confluent_kafka_acl" "serve_group_read" {
  resource_type = "GROUP"
  resource_name = "acme.quittance"
  pattern_type  = "PREFIXED"
  principal     = "User:${confluent_service_account.quittance.id}"
  host          = "*"
  operation     = "READ"
  permission    = "ALLOW"
}

# nodes share the shards between them
resource "confluent_kafka_acl" "serve_group_describe" {
  resource_type = "GROUP"
  resource_name = "acme.quittance"
  pattern_type  = "PREFIXED"
  principal     = "User:${confluent_service_account.quittance.id}"
  host          = "*"
  operation     = "DESCRIBE"
  permission    = "ALLOW"
}

# reads what is committed, and where it ends
resource "confluent_kafka_acl" "reader_topic_read" {
  resource_type = "TOPIC"
  resource_name = "acme.quittance."
  pattern_type  = "PREFIXED"
  principal     = "User:sa-12345"
  host          = "*"
  operation     = "READ"
  permission    = "ALLOW"
}

# reads what is committed, and where it ends
resource "confluent_kafka_acl" "reader_topic_describe" {
  resource_type = "TOPIC"
  resource_name = "acme.quittance."
  pattern_type  = "PREFIXED"
  principal     = "User:sa-12345"
  host          = "*"
  operation     = "DESCRIBE"
  permission    = "ALLOW"
}

# a start looks whether the topics are as they must be
resource "confluent_kafka_acl" "reader_topic_describe_configs" {
  resource_type = "TOPIC"
  resource_name = "acme.quittance."
  pattern_type  = "PREFIXED"
  principal     = "User:sa-12345"
  host          = "*"
  operation     = "DESCRIBE_CONFIGS"
  permission    = "ALLOW"
}

resource "confluent_service_account" "account_4_eyes_only" {
  display_name = "4 eyes.only"
  description  = "quittance: acme.operate"
}

# plans and applies topics and their settings
resource "confluent_kafka_acl" "operate_topic_create" {
  resource_type = "TOPIC"
  resource_name = "acme.quittance."
  pattern_type  = "PREFIXED"
  principal     = "User:${confluent_service_account.account_4_eyes_only.id}"
  host          = "*"
  operation     = "CREATE"
  permission    = "ALLOW"
}

# plans and applies topics and their settings
resource "confluent_kafka_acl" "operate_topic_alter" {
  resource_type = "TOPIC"
  resource_name = "acme.quittance."
  pattern_type  = "PREFIXED"
  principal     = "User:${confluent_service_account.account_4_eyes_only.id}"
  host          = "*"
  operation     = "ALTER"
  permission    = "ALLOW"
}

# plans and applies topics and their settings
resource "confluent_kafka_acl" "operate_topic_describe" {
  resource_type = "TOPIC"
  resource_name = "acme.quittance."
  pattern_type  = "PREFIXED"
  principal     = "User:${confluent_service_account.account_4_eyes_only.id}"
  host          = "*"
  operation     = "DESCRIBE"
  permission    = "ALLOW"
}

# plans and applies topics and their settings
resource "confluent_kafka_acl" "operate_topic_describe_configs" {
  resource_type = "TOPIC"
  resource_name = "acme.quittance."
  pattern_type  = "PREFIXED"
  principal     = "User:${confluent_service_account.account_4_eyes_only.id}"
  host          = "*"
  operation     = "DESCRIBE_CONFIGS"
  permission    = "ALLOW"
}

# plans and applies topics and their settings
resource "confluent_kafka_acl" "operate_topic_alter_configs" {
  resource_type = "TOPIC"
  resource_name = "acme.quittance."
  pattern_type  = "PREFIXED"
  principal     = "User:${confluent_service_account.account_4_eyes_only.id}"
  host          = "*"
  operation     = "ALTER_CONFIGS"
  permission    = "ALLOW"
}

# sees with which topics the log was served
resource "confluent_kafka_acl" "operate_topic_read" {
  resource_type = "TOPIC"
  resource_name = "acme.quittance.shards.v1"
  pattern_type  = "PREFIXED"
  principal     = "User:${confluent_service_account.account_4_eyes_only.id}"
  host          = "*"
  operation     = "READ"
  permission    = "ALLOW"
}

# plans and applies these ACLs
resource "confluent_kafka_acl" "operate_cluster_describe" {
  resource_type = "CLUSTER"
  resource_name = "kafka-cluster"
  pattern_type  = "LITERAL"
  principal     = "User:${confluent_service_account.account_4_eyes_only.id}"
  host          = "*"
  operation     = "DESCRIBE"
  permission    = "ALLOW"
}

# plans and applies these ACLs
resource "confluent_kafka_acl" "operate_cluster_alter" {
  resource_type = "CLUSTER"
  resource_name = "kafka-cluster"
  pattern_type  = "LITERAL"
  principal     = "User:${confluent_service_account.account_4_eyes_only.id}"
  host          = "*"
  operation     = "ALTER"
  permission    = "ALLOW"
}
