"""Campaigns against classes of errors. For experts and admins."""

from django.urls import path

from labeling.campaigns.views import campaigns, places

urlpatterns = [
    path("review/campaigns/", campaigns.campaign_list, name="campaigns"),
    path("review/campaigns/begin/", campaigns.campaign_begin, name="campaign-begin"),
    path("review/campaigns/places/", places.campaign_places, name="campaign-places"),
    path("review/campaigns/<int:campaign_id>/", campaigns.campaign, name="campaign"),
    path(
        "review/campaigns/<int:campaign_id>/look-alikes/",
        campaigns.campaign_look_alikes,
        name="campaign-look-alikes",
    ),
    path("review/campaigns/<int:campaign_id>/round/", campaigns.campaign_round, name="campaign-round"),
    path(
        "review/campaigns/<int:campaign_id>/withdraw/", campaigns.campaign_withdraw, name="campaign-withdraw"
    ),
    path(
        "api/campaigns/<int:campaign_id>/progress/", campaigns.campaign_progress, name="api-campaign-progress"
    ),
    path(
        "images/superpixels/<int:segmented_tile_id>/<int:superpixel>.webp",
        campaigns.superpixel_picture,
        name="superpixel-picture",
    ),
]
