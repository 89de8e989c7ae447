"""PolyAI's Agent Development Kit: a project folder becomes a draft.

    topics/            topic                         config/handoffs             handoff
    functions/         function                      config/sms_templates        sms
    flows/             workflow, function            config/variant_attributes   variant/default
    agent_settings/    agent/main                    config/entities             variable
    voice/, chat/      agent/main, voice/main,       config/translations         component
                       response_control/main         test_suite/                 test_set/imported

Other files of the format are kept to the byte in settings/default; a file that is not part of it is refused.
"""

from greenroom.importers.polyai.project import read_project

__all__ = ["read_project"]
