//! How far each region is: a line of its own on a terminal, while it lasts; in a log only what makes it wait, and the
//! rest for `--verbose`.

use template_tools::arn::{LayerName, Region};

use super::execute::Stage;
use crate::ui::{MovingLine, Ui};
use crate::under_way::{Begun, UnderWay};

/// Makes the lines of one run.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    ui: Ui,
    names_layers: bool,
    under_way: UnderWay,
}

/// The line of one artifact in one region; gone with its value.
#[derive(Debug)]
pub(super) struct Line {
    ui: Ui,
    place: String,
    moving: Option<MovingLine>,
    _begun: Begun,
}

impl Lines {
    /// With several layers each line names its layer.
    pub(super) fn new(ui: &Ui, names_layers: bool) -> Self {
        Self { ui: ui.clone(), names_layers, under_way: UnderWay::default() }
    }

    /// The places whose lines are there.
    pub(super) fn under_way(&self) -> &UnderWay {
        &self.under_way
    }

    /// A line, which says that it waits for its turn.
    pub(super) fn line(&self, layer: &LayerName, region: &Region) -> Line {
        let place = if self.names_layers { format!("{layer} in {region}") } else { region.to_string() };
        let begun = self.under_way.begin(place.as_str());
        let line = Line { ui: self.ui.clone(), place, moving: self.ui.moving_line(), _begun: begun };
        line.say("waiting for its turn");
        line
    }
}

impl Line {
    /// How far it is.
    pub(super) fn tell(&self, stage: Stage) {
        let text = words(stage);
        if self.moving.is_none() {
            match stage {
                Stage::LookingAgain | Stage::Throttled => {
                    self.ui.status("Waiting", format!("{}: {text}", self.place));
                }
                Stage::Publishing(number) => {
                    let number = number
                        .map_or_else(|| "the first version".to_owned(), |number| format!("version {number}"));
                    self.ui.detail("Publishing", format!("{}: as {number}", self.place));
                }
                Stage::Looking | Stage::ReadingBack => {}
            }
        }
        self.say(&text);
    }

    /// What is being done, for a terminal only.
    pub(super) fn say(&self, text: &str) {
        if let Some(moving) = &self.moving {
            moving.say(format!("{}: {text}", self.place));
        }
    }
}

fn words(stage: Stage) -> String {
    match stage {
        Stage::Looking => "looking what is there".to_owned(),
        Stage::Publishing(None) => "publishing the first version".to_owned(),
        Stage::Publishing(Some(number)) => format!("publishing version {number}"),
        Stage::Throttled => "Lambda takes no more calls for a moment".to_owned(),
        Stage::LookingAgain => "no answer tells whether a version was made, looking for it".to_owned(),
        Stage::ReadingBack => "reading it back".to_owned(),
    }
}
