"""`tests/cli/test_probe.py` asks all that can be wrong; here is what belongs to no command."""

from __future__ import annotations

from tests.test_router import model
from tests.test_tokens import entry_at
from tornadogw.catalogue import Catalogue
from tornadogw.probe import Prober
from tornadogw.settings.tables import Defaults
from tornadogw.testing import Answer, FakeUpstream
from tornadogw.tokens import Tokens
from tornadogw.transport import Transport
from tornadogw.trial import Trial, questions

SAID = b'data: {"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"length"}]}\n\ndata: [DONE]\n\n'


async def test_each_model_of_an_upstream_is_asked_for_once():
    async with FakeUpstream(Answer(body=SAID), Answer(status=500), Answer(body=SAID)) as up:
        route = entry_at(up.url)
        catalogue = Catalogue([model("a", route), model("b", route)])
        asked = questions(catalogue)
        assert [(question.model.name, question.route) for question in asked[route.upstream]] == [("a", route)]
        transport = Transport()
        await transport.open()
        tokens = Tokens(transport)
        try:
            trial = Trial(Prober(transport, tokens, Defaults()))
            (fine,) = await trial.upstream(asked[route.upstream])
            (failing,) = await trial.upstream(asked[route.upstream])
        finally:
            await tokens.close()
            await transport.close()
    assert (fine.key, fine.wrong) == (route.credentials[0].name, None)
    assert failing.wrong.problem == "failing"
