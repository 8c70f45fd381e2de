//! Trees of made-up templates, and one large file: the same bytes every time.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};

/// One in so many templates names the layer.
pub(super) const ONE_IN: usize = 50;
/// The version that all references have.
pub(super) const VERSION: u64 = 41;
/// A folder holds so many.
const IN_A_FOLDER: usize = 50;

/// Writes the tree, always the same, and gives its size in bytes, and that of the largest file. As in real repositories, most templates are small and
/// a few are large: 8 kB on average.
pub(super) fn generate(tree: &Path, count: usize) -> Result<(usize, usize)> {
    let mut random = Random(20_260_101);
    let (mut bytes, mut largest) = (0, 0);
    for number in 0..count {
        let folder = tree.join(format!("service-{:03}", number / IN_A_FOLDER));
        if number % IN_A_FOLDER == 0 {
            std::fs::create_dir(&folder).with_context(|| format!("failed to make `{}`", folder.display()))?;
        }
        let functions = match random.below(20) {
            0 => 40 + random.below(60),
            _ => 3 + random.below(22),
        };
        let layer = (number % ONE_IN == 0).then(|| random.below(functions));
        let text = template(number, functions, layer);
        bytes += text.len();
        largest = largest.max(text.len());
        let path = folder.join(format!("template-{number:05}.yaml"));
        std::fs::write(&path, text).with_context(|| format!("failed to write `{}`", path.display()))?;
    }
    Ok((bytes, largest))
}

/// A template with so many functions, one of which may be on the layer.
fn template(number: usize, functions: usize, layer: Option<usize>) -> String {
    let mut text = format!(
        "AWSTemplateFormatVersion: \"2010-09-09\"\nTransform: AWS::Serverless-2016-10-31\n\
         Description: Service {number}, one of many.\n\nResources:\n"
    );
    for function in 0..functions {
        text += &format!(
            "  Function{function}:\n    Type: AWS::Serverless::Function\n    Properties:\n      \
             # Written by hand, as it were.\n      Handler: app.handler_{function}\n      Runtime: python3.13\n      \
             CodeUri: src/function_{function}/\n      MemorySize: 512\n      Timeout: 30\n      Environment:\n        \
             Variables:\n          TABLE: !Ref Table{function}\n          STAGE: !Sub \"${{AWS::StackName}}-{number}\"\n      \
             Policies:\n        - DynamoDBCrudPolicy:\n            TableName: !Ref Table{function}\n"
        );
        if layer == Some(function) {
            text += &format!(
                "      Layers:\n        - !Sub \"arn:aws:lambda:${{AWS::Region}}:${{AWS::AccountId}}:layer:sosw:{VERSION}\"\n"
            );
        }
        text += &format!("  Table{function}:\n    Type: AWS::Serverless::SimpleTable\n\n");
    }
    text
}

/// Writes a JSON template of at least so many bytes, whose functions are all on the layer, and gives its size and how many
/// functions there are.
pub(super) fn large_json(path: &Path, size: usize) -> Result<(usize, usize)> {
    let mut text = String::from("{\n  \"AWSTemplateFormatVersion\": \"2010-09-09\",\n  \"Resources\": {\n");
    let mut functions = 0;
    while text.len() < size {
        let comma = if functions == 0 { "" } else { ",\n" };
        let _ = write!(
            text,
            "{comma}    \"Function{functions}\": {{\n      \"Type\": \"AWS::Lambda::Function\",\n      \"Properties\": {{\n        \
             \"Handler\": \"app.handler_{functions}\",\n        \"Runtime\": \"python3.13\",\n        \"MemorySize\": 512,\n        \
             \"Code\": {{\n          \"S3Bucket\": {{\"Fn::Sub\": \"code-${{AWS::AccountId}}\"}},\n          \"S3Key\": \"functions/{functions}.zip\"\n        }},\n        \
             \"Environment\": {{\n          \"Variables\": {{\n            \"TABLE\": {{\"Ref\": \"Table{functions}\"}},\n            \"NUMBER\": \"{functions}\"\n          }}\n        }},\n        \
             \"Layers\": [\n          {{\"Fn::Sub\": \"arn:aws:lambda:${{AWS::Region}}:${{AWS::AccountId}}:layer:sosw:{VERSION}\"}}\n        ]\n      }}\n    }}"
        );
        functions += 1;
    }
    text += "\n  }\n}\n";
    std::fs::write(path, &text).with_context(|| format!("failed to write `{}`", path.display()))?;
    Ok((text.len(), functions))
}

/// The same numbers every time (Knuth's MMIX generator).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_the_same_every_time() {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let sizes = folders.each_ref().map(|folder| generate(folder.path(), 101).unwrap());
        assert_eq!(sizes[0], sizes[1]);
        let read =
            |folder: &Path| std::fs::read_to_string(folder.join("service-002/template-00100.yaml")).unwrap();
        assert_eq!(read(folders[0].path()), read(folders[1].path()));
        assert_eq!(read(folders[0].path()).matches(":layer:").count(), 1);
    }

    #[test]
    fn the_large_file_is_json() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        let (size, functions) = large_json(&path, 10_000).unwrap();
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.len() == size && size >= 10_000);
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["Resources"].as_object().unwrap().len(), functions);
    }
}
