"""The same verbs, over HTTP: a pure exchange and two thin clients."""

from greenroom.sdk.async_client import AsyncClient as AsyncClient
from greenroom.sdk.client import Client as Client
from greenroom.sdk.notices import DeprecatedAliasWarning as DeprecatedAliasWarning
