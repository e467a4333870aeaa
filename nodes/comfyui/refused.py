"""Node types of ComfyUI that concern pictures and have no equivalent here, each with the reason."""

from __future__ import annotations

_HOOKS = "weights that change from step to step (hooks) are not there"
_REGEX = "regular expressions from strangers may take for ever"
_PARTS = "it saves or loads a single part, for which there is no file format here"
_VERY_NEW = "this way of guiding is not there yet"
_LISTS = "lists that each node is mapped over are not there; use flow.map"

REFUSED: dict[str, str] = {
    **dict.fromkeys(
        [
            *("SetClipHooks", "CombineHooks2", "CombineHooks4", "CombineHooks8"),
            *("ConditioningTimestepsRange", "ConditioningSetProperties"),
            *("ConditioningSetPropertiesAndCombine", "ConditioningSetDefaultCombine"),
            *("PairConditioningSetProperties", "PairConditioningSetPropertiesAndCombine"),
            *("PairConditioningSetDefaultCombine", "CreateHookLora", "CreateHookLoraModelOnly"),
            *("CreateHookModelAsLora", "CreateHookModelAsLoraModelOnly", "SetHookKeyframes"),
            *("CreateHookKeyframe", "CreateHookKeyframesInterpolated"),
            "CreateHookKeyframesFromFloats",
        ],
        _HOOKS,
    ),
    **dict.fromkeys(["RegexMatch", "RegexExtract", "RegexReplace"], _REGEX),
    **dict.fromkeys(
        [
            *("LoadLatent", "SaveLatent", "CLIPSave", "VAESave", "ModelSave", "LoraSave"),
            "ImageOnlyCheckpointSave",
        ],
        _PARTS,
    ),
    **dict.fromkeys(
        [
            *("SelfAttentionGuidance", "PerpNeg", "Mahiro", "FreSca", "CFGZeroStar", "CFGNorm"),
            *("TCFG", "RenormCFG", "SkipLayerGuidanceDiT", "SkipLayerGuidanceDiTSimple"),
            *("EasyCache", "LazyCache", "Epsilon Scaling", "LatentApplyOperation"),
            *("LatentApplyOperationCFG", "LatentOperationTonemapReinhard"),
            *("LatentOperationSharpen", "PatchModelAddDownscale"),
        ],
        _VERY_NEW,
    ),
    **dict.fromkeys(["RebatchImages", "RebatchLatents"], _LISTS),
    "StyleModelLoader": "style models are not read here; IP-Adapters are (ip_adapter.load)",
    "StyleModelApply": "style models are not read here; IP-Adapters are (ip_adapter.apply)",
    "DifferentialDiffusion": "it is a loop here: inpaint.differential_mask in a flow.loop",
    "AddNoise": "use forward.add_noise_at_sigma",
    "DiffControlNetLoader": "ControlNets stored as differences are not read here",
    "SD_4XUpscale_Conditioning": "the x4 upscaler is not read here",
    "ReferenceLatent": "models that edit by a reference are not read here",
    "TorchCompileModel": "networks are not compiled here",
    "ModelComputeDtype": "the precision is chosen where a model is loaded (load.checkpoint)",
    "ModelSamplingContinuousV": "its clock, the arc tangent of sigma, is not there",
    "GITSScheduler": "its table is not there; kl_optimal and align_your_steps are",
    "SamplerLCMUpscale": "no sampler changes the size while it samples",
    "FeatherMask": "masks are feathered on all sides here (mask.feather)",
    "SplitImageWithAlpha": "LoadImage gives colours and alpha apart already",
    "PorterDuffImageComposite": "use image_blend.porter_duff, which has the alpha in the picture",
    "ImageSharpen": "its formula differs; use image_adjust.sharpen",
    "LatentConcat": "latents are joined in batches only (latent.batch)",
    "LatentCut": "use latent_edit.crop",
    "LatentBatchSeedBehavior": "noise.from_seeds gives each latent the seed that it is to have",
    "QuadrupleCLIPLoader": "no family of models here reads four texts",
    "ModelPatchLoader": "patches of single models are not read here",
    "UNetSelfAttentionMultiply": "factors on attention's weights are not there",
    "UNetCrossAttentionMultiply": "factors on attention's weights are not there",
    "CLIPAttentionMultiply": "factors on attention's weights are not there",
    "UNetTemporalAttentionMultiply": "models of films are not read here",
    "CLIPTextEncodeControlnet": "texts for a ControlNet alone are not there",
    "CLIPMergeSubtract": "text encoders are merged by merge.clips only",
    "CLIPMergeAdd": "text encoders are merged by merge.clips only",
    "LoadImageSetFromFolderNode": "use load_images.batch_from_folder",
    "LoadImageTextSetFromFolderNode": "use load_images.batch_from_folder and prompt_variants.lines",
    "SaveSVGNode": "drawings in lines are not there",
    **{
        f"ModelMerge{kind}": "use merge.blocks_by_name, which takes the same names"
        for kind in ("SD1", "SD2", "SDXL", "SD3_2B", "SD35_Large", "WAN2_1")
    },
}
