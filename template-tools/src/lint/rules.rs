//! The list of all rules: what each is about, why it matters, what to do.

use crate::report::{Level, Rule};

macro_rules! rules {
    ($($name:ident $id:literal $level:ident $about:literal $reason:literal $fix:literal)*) => {
        $(
            #[doc = $about]
            pub(super) const $name: &Rule =
                &Rule { id: $id, about: $about, reason: $reason, fix: $fix, level: Level::$level };
        )*
        /// Every rule, in the order in which they are listed.
        pub const ALL: &[Rule] = &[$(*$name),*];
    };
}

rules! {
    CONTENT_URI "content-uri-on-layer-version" Error
        "`ContentUri` or `RetentionPolicy` on `AWS::Lambda::LayerVersion`"
        "Both belong to `AWS::Serverless::LayerVersion`: CloudFormation refuses the template."
        "write `Content: {S3Bucket: …, S3Key: …}`, and `DeletionPolicy` and `UpdateReplacePolicy` beside `Properties`"
    CONTENT "content-on-serverless-layer-version" Error
        "`Content` on `AWS::Serverless::LayerVersion`"
        "It belongs to `AWS::Lambda::LayerVersion`: SAM refuses the template."
        "write `ContentUri`"
    RETAIN "missing-retain" Warning
        "a layer version or its permission that CloudFormation deletes"
        "Any change replaces the resource, and deletes the version that other stacks still use; a roll-back to it then fails."
        "write `DeletionPolicy: Retain` and `UpdateReplacePolicy: Retain` beside `Properties`; in SAM, no `RetentionPolicy: Delete`"
    FIXED_KEY "fixed-s3-key" Warning
        "a layer's content under a key that does not change with it"
        "CloudFormation sees no difference when another zip lies under the same key, and makes no new version."
        "use a key that holds the content's hash, as `stage` makes them, or `S3ObjectVersion`"
    TOO_MANY "too-many-layers" Error
        "more than five layers on a function"
        "Lambda takes five layers at most; those of `Globals` count, too."
        "take layers away, or put two into one"
    TWICE "same-layer-twice" Error
        "the same layer twice on a function"
        "Lambda refuses it: two different versions of the same layer are not allowed, and equal ones neither."
        "keep one of them"
    RUNTIME "unfit-runtime" Error
        "a function's runtime that the layer is not made for"
        "Lambda itself does not hold a function to the layer's compatible runtimes: it fails when it imports."
        "use a layer that is made for the runtime, or change the runtime"
    ARCHITECTURE "unfit-architecture" Error
        "a function's architecture that the layer is not made for"
        "Lambda itself does not hold a function to the layer's compatible architectures: it fails when it loads native code."
        "use a layer that is made for the architecture, or change `Architectures`"
    DOWNGRADE "newer-than-ledger" Warning
        "a version that is higher than the current one of the ledger"
        "The next bump would be a downgrade, which is refused; or the ledger is out of date."
        "bring the ledger up to date, or use the current version"
    ALIAS "alias-keeps-old-layer" Warning
        "`AutoPublishAlias` without `AutoPublishAliasAllProperties`"
        "SAM publishes a new version when the code changes only: a new layer version reaches `$LATEST`, and the alias keeps the old one."
        "write `AutoPublishAliasAllProperties: true`"
    VERSION "version-keeps-old-layer" Warning
        "an `AWS::Lambda::Version` or `AWS::Lambda::Alias` of a function with layers"
        "A published version is a snapshot: it, and an alias that names it, keep the layer version of the day it was made."
        "give the version resource a new logical id with each layer version, or let SAM do it with `AutoPublishAliasAllProperties`"
    EXPORT "exported-layer" Warning
        "an export of a layer version's ARN"
        "While another stack imports it, it cannot change: the update is refused, and so is every new layer version."
        "put the ARN into an SSM parameter, or name the version in each template"
    PYTHON_PATH "pythonpath-hides-layers" Warning
        "`PYTHONPATH` on a function with layers"
        "Setting it takes both entries of `/opt/python` off Python's path: nothing of a layer can be imported."
        "leave it out, or name `/opt/python` in it"
    IMAGE "layers-on-image" Error
        "layers on a function of `PackageType: Image`"
        "Lambda refuses layers for container images."
        "copy the layer's content into the image, or take `Layers` away"
    VARIABLE "variable-without-sub" Error
        "a `${…}` in a plain string"
        "CloudFormation replaces it in `Fn::Sub` only: the layer's ARN is invalid as it stands."
        "put `!Sub` before it"
    RESOLVE "resolve-is-not-noticed" Warning
        "`{{resolve:ssm:…}}` in the place of a layer"
        "CloudFormation does not notice when the SSM parameter changes: the function keeps the old layer."
        "use a parameter of type `AWS::SSM::Parameter::Value<String>`, which is read again at every change set"
    IGNORE "ignore-needs-reason" Warning
        "an `ignore` that names no rule, or gives no reason"
        "Whoever comes later cannot tell whether it still holds."
        "write `# layer-lint: ignore ID reason`"
}

/// The id that is nearest to what somebody wrote.
pub fn nearest(written: &str) -> Option<&'static str> {
    let closeness = |rule: &&Rule| strsim::jaro_winkler(rule.id, written);
    let best = ALL.iter().max_by(|one, other| closeness(one).total_cmp(&closeness(other)))?;
    (closeness(&best) > 0.7).then_some(best.id)
}
