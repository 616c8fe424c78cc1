#include "plugin/broker_snapshot_format.h"

#include <limits>

#include <gtest/gtest.h>

#include "tests/plugin/persistence_bytes.h"

namespace kv::plugin::testing {
namespace {

std::string RefusalOf(std::string_view contents) {
  const Status status = CheckFileHeader(contents);
  if (status) {
    return "accepted";
  }
  EXPECT_EQ(status.error().code, ErrorCode::kStorageError);
  return status.error().message;
}

TEST(CheckFileHeaderTest, AcceptsVersions5And6) {
  EXPECT_EQ(RefusalOf(FileStart(5)), "accepted");
  EXPECT_EQ(RefusalOf(FileStart(6)), "accepted");
}

TEST(CheckFileHeaderTest, RefusesAHeaderThatIsCutAnywhere) {
  const std::string start = FileStart();
  for (std::size_t size = 0; size < start.size(); ++size) {
    const std::vector<char> exact(start.data(), start.data() + size);
    EXPECT_NE(RefusalOf({exact.data(), size}), "accepted") << size;
  }
}

TEST(CheckFileHeaderTest, SaysWhatIsWrongWithTheFile) {
  const std::string body(16, '\0');
  EXPECT_EQ(RefusalOf("\x89PNG and so on, long enough for a header"),
            "it is not a persistence file of Mosquitto");
  EXPECT_EQ(RefusalOf(FileStart(7)),
            "its format version is 7, but only 5 (Mosquitto 1.6) and 6 (Mosquitto 2) can be read");
  EXPECT_NE(RefusalOf(FileStart(4)), "accepted");
  EXPECT_EQ(RefusalOf(FileHeader() + ConfigOf(4)),
            "its message ids have 4 bytes, but only 8 can be read");
  for (const std::string& chunk : {ChunkOf(2, body), ChunkOf(1, body + "x"), ChunkOf(1, "short")}) {
    EXPECT_EQ(RefusalOf(FileHeader() + chunk),
              "it is damaged: it does not begin with the broker's settings");
  }
}

TEST(ParseMessageTest, RefusesLengthsThatDisagreeWithTheChunk) {
  const std::string body = MessageBody({.store_id = 1, .topic = "kv/b/k"});
  EXPECT_TRUE(ParseMessage(body));
  for (std::size_t size = 0; size < body.size(); ++size) {
    EXPECT_FALSE(ParseMessage(body.substr(0, size))) << size;
  }
  // The lengths of the payload, the source's id, its user name and the topic.
  for (const std::size_t at : {16U, 22U, 24U, 26U}) {
    std::string wrong = body;
    wrong[at] = '\x7F';
    EXPECT_FALSE(ParseMessage(wrong)) << at;
  }
}

TEST(ParseMessageTest, RefusesAMessageWithoutTopic) {
  EXPECT_FALSE(ParseMessage(MessageBody({.store_id = 1, .topic = ""})));
}

TEST(ParseRetainMarkTest, RefusesWhatIsNotExactlyOneId) {
  EXPECT_EQ(ParseRetainMark(Host(std::uint64_t{3})), 3U);
  EXPECT_FALSE(ParseRetainMark(std::string(7, 'x')));
  EXPECT_FALSE(ParseRetainMark(std::string(9, 'x')));
}

TEST(RevisionOfTest, IsTheNumberInKvRevision) {
  EXPECT_EQ(RevisionOf(RevisionProperty("7")), 7U);
  EXPECT_EQ(RevisionOf(RevisionProperty("18446744073709551615")),
            std::numeric_limits<std::uint64_t>::max());
}

TEST(RevisionOfTest, IsFoundAmongAllPropertiesOfAPublish) {
  const std::string others = std::string("\x01\x01", 2) + "\x02" + Network(60U) + "\x03" +
                             StringOf("text/plain") + "\x08" + StringOf("reply/to") + "\x09" +
                             StringOf(std::string("\0\1", 2)) + "\x0B" + "\x80\x01" + "\x23" +
                             Network(std::uint16_t{5}) + UserPropertyOf("", "") +
                             UserPropertyOf("kv-operation", "PUT");
  EXPECT_EQ(RevisionOf(PropertiesOf(others + UserPropertyOf("kv-revision", "7"))), 7U);
  EXPECT_EQ(RevisionOf(PropertiesOf(UserPropertyOf("kv-revision", "7") + others)), 7U);
}

TEST(RevisionOfTest, IsFoundInPropertiesWhoseLengthTakesTwoBytes) {
  const std::string long_properties =
      UserPropertyOf("pad", std::string(200, 'x')) + UserPropertyOf("kv-revision", "7");
  const auto low = static_cast<char>(0x80U | (long_properties.size() & 0x7FU));
  const auto high = static_cast<char>(long_properties.size() >> 7U);
  EXPECT_EQ(RevisionOf(std::string{low, high} + long_properties), 7U);
}

TEST(RevisionOfTest, IsNothingWithoutExactlyOneNumber) {
  const std::string seven = UserPropertyOf("kv-revision", "7");
  EXPECT_EQ(RevisionOf(""), std::nullopt);
  EXPECT_EQ(RevisionOf(PropertiesOf("")), std::nullopt);
  EXPECT_EQ(RevisionOf(PropertiesOf(UserPropertyOf("kv-revisions", "7"))), std::nullopt);
  EXPECT_EQ(RevisionOf(PropertiesOf(seven + seven)), std::nullopt);
  for (const char* text : {"", "x", "-7", "+7", " 7", "7 ", "0x7", "18446744073709551616"}) {
    EXPECT_EQ(RevisionOf(RevisionProperty(text)), std::nullopt) << text;
  }
}

TEST(RevisionOfTest, IsNothingInDamagedProperties) {
  const std::string good = RevisionProperty("7");
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(RevisionOf(good.substr(0, size)), std::nullopt) << size;
  }
  const std::string seven = UserPropertyOf("kv-revision", "7");
  EXPECT_EQ(RevisionOf(good + "x"), std::nullopt);
  EXPECT_EQ(RevisionOf(PropertiesOf("") + seven), std::nullopt);        // length too small
  EXPECT_EQ(RevisionOf(std::string(4, '\xFF') + seven), std::nullopt);  // endless length
  EXPECT_EQ(RevisionOf(PropertiesOf(seven + "\x26")), std::nullopt);
  EXPECT_EQ(RevisionOf(PropertiesOf(seven + "\x11" + Network(60U))), std::nullopt);  // of CONNECT
  EXPECT_EQ(RevisionOf(PropertiesOf(seven + "\x02\x01")), std::nullopt);
}

}  // namespace
}  // namespace kv::plugin::testing
