"""A company's flag and settings: what they allow, and what they say when they make no sense."""

import pytest

from commission_sync.writeback.company import InvalidWritebackSetting, Mode, mode_of, parse_settings


@pytest.mark.parametrize(
    ("flags", "mode"),
    [
        ({}, Mode.DRY_RUN),
        ({"writeback": "on"}, Mode.ON),
        ({"writeback": False}, Mode.OFF),
        ({"writeback": True}, Mode.ON),
    ],
)
def test_the_flag_says_how_far_to_go_and_none_means_a_dry_run(flags, mode):
    assert mode_of(flags) is mode


@pytest.mark.parametrize("value", ["ON", "yes", 1.5, None, ["on"]])
def test_any_other_flag_is_refused(value):
    with pytest.raises(InvalidWritebackSetting, match="one of off, dry_run, approval, on"):
        mode_of({"writeback": value})


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"on_conflict": "mine"}, "writeback_settings.on_conflict='mine'"),
        ({"max_rows": 0}, "writeback_settings.max_rows=0"),
        ({"caps": 5}, "writeback_settings.caps=5"),
        ({"properties": {"amount": "x"}}, "there is no property amount; there are commission_amount"),
        ({"properties": {"commission_amount": "commission_paid"}}, "two of the properties would have the same name"),
        ({"properties": {"commission_amount": "With Blanks"}}, "writeback_settings.properties.commission_amount"),
    ],
)
def test_a_setting_that_makes_no_sense_names_itself(settings, said):
    with pytest.raises(InvalidWritebackSetting) as refused:
        parse_settings(settings)
    assert said in str(refused.value)
