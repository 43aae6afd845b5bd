"""One job through one Python peer, in its default configuration: drivers.py PEER submit|wait BASE."""

import os
import sys

KEY = os.environ["PEER_KEY"]


def fal(action, base):
    os.environ["FAL_KEY"] = KEY
    import fal_client.client as client

    client.QUEUE_URL_FORMAT = client.RUN_URL_FORMAT = base + "/"
    handle = client.SyncClient(key=KEY).submit("maker/app", {"prompt": "p"})
    if action == "wait":
        handle.get()


def replicate(action, base):
    import replicate

    client = replicate.Client(api_token=KEY, base_url=base)
    prediction = client.predictions.create(version="a" * 64, input={"prompt": "p"})
    if action == "wait":
        prediction.wait()
        assert prediction.status == "succeeded", prediction.status


def runwayml(action, base):
    from runwayml import RunwayML

    client = RunwayML(api_key=KEY, base_url=base)
    task = client.image_to_video.create(
        model="gen4_turbo", prompt_image="https://example.com/a.jpg", prompt_text="p", ratio="1280:720", duration=5
    )
    if action == "wait":
        task.wait_for_task_output()


def lumaai(action, base):
    from lumaai import LumaAI

    LumaAI(auth_token=KEY, base_url=base).generations.create(prompt="p", model="ray-2")


def comfy(action, base):
    os.environ["COMFY_BASE_URL"] = os.environ["COMFY_ROUTER_BASE_URL"] = base
    from comfy_sdk import Comfy

    handle = Comfy(api_key=KEY).models.submit("maker/app", {"prompt": "p"})
    if action == "wait":
        handle.get()


peer, action, base = sys.argv[1:]
{"fal": fal, "replicate": replicate, "runwayml": runwayml, "lumaai": lumaai, "comfy": comfy}[peer](action, base)
