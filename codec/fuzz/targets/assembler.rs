//! Headers, attachments and stray packets in any order, against a model that only counts.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use siospec_codec::socket::{Arguments, Assembler, decode};
use siospec_codec::{DecodeErrorKind as Kind, Leniency, Limits};

#[derive(Debug, Arbitrary)]
enum Operation<'a> {
    /// Any text.
    Text(&'a str),
    /// A header that announces this many, and refers to as many of them.
    Header { announced: u8, placeholders: u8 },
    Attachment(&'a [u8]),
}

const LIMITS: Limits = Limits { attachments: 10, attachment_bytes: 64, nesting: 32, packet_bytes: 4096 };

fuzz_target!(|operations: Vec<Operation<'_>>| {
    let mut assembler = Assembler::new(LIMITS, Leniency::STRICT);
    let (mut due, mut bytes) = (0, 0);
    for operation in operations {
        let result = match operation {
            Operation::Attachment(data) => {
                let result = assembler.binary(data.to_vec().into());
                if due == 0 {
                    assert_eq!(result.map_err(|error| error.kind), Err(Kind::UnexpectedBinary));
                    continue;
                }
                bytes += data.len();
                if bytes > LIMITS.attachment_bytes {
                    assert_eq!(result.as_ref().map_err(|error| error.kind), Err(Kind::AttachmentsTooLarge));
                } else {
                    due -= 1;
                }
                result
            }
            Operation::Text(text) => take_text(&mut assembler, text.to_owned(), &mut due, &mut bytes),
            Operation::Header { announced, placeholders } => {
                let mut text = format!("5{announced}-[\"m\"");
                for number in 0..placeholders {
                    text.push_str(&format!(",{{\"_placeholder\":true,\"num\":{number}}}"));
                }
                text.push(']');
                take_text(&mut assembler, text, &mut due, &mut bytes)
            }
        };
        match result {
            Ok(Some(message)) => {
                assert_eq!(due, 0);
                assert_eq!(message.attachments().len(), message.packet().attachments);
                let arguments: Arguments = message.args().collect();
                arguments.encode_event("/", None, "echo", &mut String::new());
            }
            Ok(None) => assert!(due > 0),
            Err(_) => due = 0,
        }
        assert_eq!(assembler.due(), due);
    }
});

fn take_text(
    assembler: &mut Assembler,
    text: String,
    due: &mut usize,
    bytes: &mut usize,
) -> Result<Option<siospec_codec::socket::Message>, siospec_codec::DecodeError> {
    let expected = decode(&text, &LIMITS, Leniency::STRICT).map(|packet| packet.attachments);
    let result = assembler.text(text.into());
    if *due > 0 {
        assert_eq!(result.as_ref().map_err(|error| error.kind), Err(Kind::TextWhileAttachmentsDue));
        return result;
    }
    assert_eq!(expected.is_ok(), result.is_ok());
    (*due, *bytes) = (expected.unwrap_or(0), 0);
    result
}
